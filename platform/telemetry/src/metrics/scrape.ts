import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import type { ExpositionFormat } from './exposition.ts';
import type { Metrics } from './metrics.ts';

/** What a scraper said of itself. */
export interface ScrapeRequest {
  readonly accept: string | undefined;
  readonly acceptEncoding: string | undefined;
}

export interface ScrapeReply {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

/** Below it gzip makes more of it than it saves. */
const MIN_GZIP_BYTES = 1_024;

const compress = promisify(gzip);

const CONTENT_TYPES: Readonly<Record<ExpositionFormat, string>> = {
  prometheus: 'text/plain; version=0.0.4; charset=utf-8',
  openmetrics: 'application/openmetrics-text; version=1.0.0; charset=utf-8',
};

/**
 * Answers `GET /metrics`: OpenMetrics 1.0 to whoever likes it best, else Prometheus' 0.0.4, compressed where that is accepted. Those who
 * ask at the same moment get one rendering.
 */
export function createScrape(metrics: Metrics): (request: ScrapeRequest) => Promise<ScrapeReply> {
  const running = new Map<string, Promise<ScrapeReply>>();

  async function make(
    format: ExpositionFormat,
    isCompressed: boolean,
    escaping: string,
  ): Promise<ScrapeReply> {
    const text = Buffer.from(metrics.render(format));
    const isSmall = text.length < MIN_GZIP_BYTES;
    return {
      headers: {
        'content-type': `${CONTENT_TYPES[format]}${escaping}`,
        vary: 'Accept, Accept-Encoding',
        ...(isCompressed && !isSmall && { 'content-encoding': 'gzip' }),
      },
      body: isCompressed && !isSmall ? await compress(text, { level: 1 }) : text,
    };
  }

  return async ({ accept = '', acceptEncoding = '' }) => {
    const ranges = readRanges(accept);
    const format = formatFor(ranges);
    const isCompressed = weightOf(readRanges(acceptEncoding), 'gzip') > 0;
    const isEscaped = ranges.some(({ parameters }) => parameters.has('escaping'));
    const escaping = isEscaped ? '; escaping=underscores' : '';
    const key = `${format} ${isCompressed} ${escaping}`;
    const known = running.get(key);
    if (known !== undefined) return await known;
    const made = make(format, isCompressed, escaping).finally(() => running.delete(key));
    running.set(key, made);
    return await made;
  };
}

interface Range {
  readonly name: string;
  readonly weight: number;
  readonly parameters: ReadonlyMap<string, string>;
}

function readRanges(header: string): readonly Range[] {
  return header.split(',').flatMap((part) => {
    const [name = '', ...rest] = part.split(';').map((one) => one.trim().toLowerCase());
    if (name === '') return [];
    const parameters = new Map(
      rest.map((one) => {
        const [key = '', value = ''] = one.split('=');
        return [key.trim(), value.trim().replaceAll('"', '')];
      }),
    );
    const weight = Number(parameters.get('q') ?? '1');
    return [{ name, parameters, weight: weight >= 0 && weight <= 1 ? weight : 0 }];
  });
}

function weightOf(ranges: readonly Range[], name: string): number {
  return Math.max(0, ...ranges.filter((range) => range.name === name).map(({ weight }) => weight));
}

/** Only what is asked for by name, in a version that is ours, and better liked than text. */
function formatFor(ranges: readonly Range[]): ExpositionFormat {
  const open = ranges.filter(({ parameters }) =>
    ['1.0.0', '0.0.1', undefined].includes(parameters.get('version')),
  );
  const wanted = weightOf(open, 'application/openmetrics-text');
  const text = Math.max(weightOf(ranges, 'text/plain'), weightOf(ranges, 'text/*'));
  return wanted > 0 && wanted >= text ? 'openmetrics' : 'prometheus';
}
