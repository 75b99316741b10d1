import { accept, isRecord, type Result, reject } from '@flotilla/kernel';
import type { Switchable } from '../policies/strangler/decide.ts';
import type { ExplainInput } from '../routing/explain.ts';
import type { Purge } from './admin-target.ts';

// What clients of the admin API send, from untrusted JSON. A rejection is the sentence they read.

const MODES: ReadonlySet<string> = new Set([
  'legacy',
  'new',
  'new-with-fallback',
  'legacy-with-fallback',
  'split',
  'shadow',
] satisfies Switchable['mode'][]);

export function readSwitch(body: unknown): Result<Partial<Switchable>, string> {
  const { mode, percent, ...others } = isRecord(body) ? body : {};
  if (Object.keys(others).length > 0) return reject(`unknown members: ${Object.keys(others).join(', ')}`);
  if (mode === undefined && percent === undefined) return reject('give a mode, a percent or both');
  if (mode !== undefined && !isMode(mode)) return reject(`mode must be one of ${[...MODES].join(', ')}`);
  if (mode === 'split' && percent === undefined)
    return reject('split needs a percent: who goes where must be said');
  if (percent !== undefined && !(typeof percent === 'number' && percent >= 0 && percent <= 100))
    return reject('percent must be a number from 0 to 100');
  return accept({ ...(mode !== undefined && { mode }), ...(percent !== undefined && { percent }) });
}

function isMode(value: unknown): value is Switchable['mode'] {
  return typeof value === 'string' && MODES.has(value);
}

export function readWeights(body: unknown): Result<Readonly<Record<string, number>>, string> {
  const entries = Object.entries(isRecord(body) ? body : {});
  if (entries.length === 0) return reject('give weights by tag: {"v1": 90, "v2": 10}');
  const weights: [string, number][] = [];
  for (const [tag, weight] of entries) {
    if (typeof weight !== 'number' || !Number.isInteger(weight) || weight < 0 || weight > 1_000_000)
      return reject(`the weight of ${tag} must be a whole number from 0 to 1000000`);
    weights.push([tag, weight]);
  }
  return accept(Object.fromEntries(weights));
}

export function readPurge(body: unknown): Result<Purge, string> {
  const [first, ...others] = Object.entries(isRecord(body) ? body : {});
  const [by, value] = first ?? [];
  if (others.length === 0) {
    if (by === 'all' && value === true) return accept({ by });
    const isNamed = by === 'tag' || by === 'region' || by === 'prefix';
    if (isNamed && typeof value === 'string' && value !== '') return accept({ by, value });
  }
  return reject('give one of tag, region, prefix (a text) or all (true)');
}

export function readQuestion(body: unknown): Result<ExplainInput, string> {
  const { method = 'GET', url, headers = [], ...others } = isRecord(body) ? body : {};
  if (Object.keys(others).length > 0) return reject(`unknown members: ${Object.keys(others).join(', ')}`);
  if (typeof url !== 'string' || url === '' || url.length > 8_192)
    return reject('url must be a URL or a path');
  if (typeof method !== 'string' || !/^[A-Za-z-]{1,40}$/.test(method))
    return reject('method must be one of HTTP');
  if (!Array.isArray(headers) || !headers.every(isHeader)) return reject('headers must be pairs of texts');
  return accept({ method: method.toUpperCase(), url, headers });
}

function isHeader(pair: unknown): pair is readonly [string, string] {
  return Array.isArray(pair) && pair.length === 2 && pair.every((one) => typeof one === 'string');
}
