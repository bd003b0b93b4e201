// Body of the function that the Business Charts panel calls with `context`, and that answers an option of Apache
// ECharts. One query an axis, in this order; each answers a series a service, whose newest value is a share, 0 to 1.
const axes = { A: 'CPU', B: 'Memory', C: 'Disk', D: 'Network', E: 'DB pool' };
const letters = Object.keys(axes);
const services = new Map();
for (const frame of context.panel.data.series) {
  for (const field of frame.fields) {
    const service = field.labels && field.labels.aegisops_service;
    if (field.type !== 'number' || !service || !axes[frame.refId]) continue;
    const values = Array.from(field.values).filter((value) => Number.isFinite(value));
    if (!services.has(service)) services.set(service, new Map());
    if (values.length) services.get(service).set(frame.refId, values[values.length - 1]);
  }
}
const names = [...services.keys()].sort();
return {
  legend: { bottom: 0, type: 'scroll', data: names },
  tooltip: {
    trigger: 'item',
    formatter: ({ name }) =>
      [name, ...letters.map((letter) => {
        const share = services.get(name).get(letter);
        return `${axes[letter]}: ${share === undefined ? 'not known' : `${Math.round(share * 100)} %`}`;
      })].map((line) => context.echarts.format.encodeHTML(line)).join('<br>'),
  },
  radar: {
    radius: '62%',
    center: ['50%', '46%'],
    indicator: letters.map((letter) => ({ name: axes[letter], min: 0, max: 1 })),
    axisName: { color: context.grafana.theme.colors.text.secondary },
    splitNumber: 4,
    splitArea: { show: false },
  },
  series: [{
    type: 'radar',
    areaStyle: { opacity: 0.15 },
    data: names.map((name) => ({
      name,
      value: letters.map((letter) => Math.min(1, Math.max(0, services.get(name).get(letter) || 0))),
    })),
  }],
};
