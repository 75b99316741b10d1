import type { Exchange, Step } from '../../exchange.ts';
import type { Refusal } from '../../wire/rules/refusal.ts';
import type { OwnAnswerConfig } from './config.ts';

/** Path and query for a template such as `DownstreamPathTemplate`. */
export type CompileUrl = (template: string) => (exchange: Exchange) => string | Refusal;

/**
 * The last step of a route that asks nobody: it always answers. A redirect leads to the configured origin whatever the client sends: values
 * go into path and query alone, by the rules for back ends, and a path never begins with two slashes.
 */
export function compileOwnAnswer(
  config: OwnAnswerConfig | undefined,
  compileUrl: CompileUrl,
): Step | undefined {
  if (config === undefined) return undefined;
  const { status } = config;
  if (config.kind === 'fixed') {
    const { body, headers } = config;
    const answer: Refusal = { status, code: 'fixed-answer', text: body, headers };
    return () => answer;
  }
  const { origin, template } = config;
  const fill = compileUrl(template);
  return (exchange) => {
    const path = fill(exchange);
    if (typeof path !== 'string') return path;
    return { status, code: 'redirect', text: '', headers: [['location', origin + path]] };
  };
}
