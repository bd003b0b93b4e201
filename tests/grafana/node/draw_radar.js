// Draws the radar of the Command centre as the Business Charts panel would: reads {script, cases: [series]} as JSON from
// stdin, runs the script with what the panel hands it, gives its answer to Apache ECharts, and answers
// [{option, svg, tooltips}].
import { readFileSync } from 'node:fs';
import echarts from 'echarts/dist/echarts.min.js';

const { script, cases } = JSON.parse(readFileSync(0, 'utf8'));

function draw(series) {
  const option = new Function('context', script)({
    panel: { data: { series } },
    grafana: { theme: { colors: { text: { secondary: '#ccccdc' } } } },
    echarts,
  });
  const chart = echarts.init(null, 'dark', { renderer: 'svg', ssr: true, width: 600, height: 400 });
  chart.setOption({ backgroundColor: 'transparent', ...option }, true);
  const svg = chart.renderToSVGString();
  chart.dispose();
  return { option, svg, tooltips: option.series[0].data.map(({ name }) => option.tooltip.formatter({ name })) };
}

process.stdout.write(JSON.stringify(cases.map(draw)));
