// Parses queries by the grammars their editors use. Reads [{language, query}] as JSON from stdin and answers, in the
// same order, [{errors: [offset], metrics: [name]}]: where the grammar does not understand a query, and which metrics
// a PromQL query names.
import { readFileSync } from 'node:fs';
import { parser as logql } from '@grafana/lezer-logql';
import { parser as traceql } from '@grafana/lezer-traceql';
import { parser as promql } from '@prometheus-io/lezer-promql';

const grammars = { logql, promql, traceql };

function parse({ language, query }) {
  const errors = [];
  const metrics = new Set();
  grammars[language].parse(query).iterate({
    enter(node) {
      if (node.type.isError) errors.push(node.from);
      if (language === 'promql' && node.name === 'VectorSelector') {
        const name = node.node.getChild('Identifier');
        if (name) metrics.add(query.slice(name.from, name.to));
      }
    },
  });
  return { errors, metrics: [...metrics] };
}

const queries = JSON.parse(readFileSync(0, 'utf8'));
process.stdout.write(JSON.stringify(queries.map(parse)));
