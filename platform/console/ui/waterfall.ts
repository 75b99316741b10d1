import type { Span } from './shapes.ts';

/** A line of the waterfall. */
export interface WaterRow {
  readonly span: Span;
  readonly depth: number;
  /** How many are below it. */
  readonly below: number;
  /** Its parent was never told of: it was not kept, or its sender sends elsewhere. */
  readonly isOrphan: boolean;
  /** By how much it is shown later, because its clock is behind that of its caller. */
  readonly shiftUs: number;
}

/**
 * All spans in the order of a tree, each below its parent, in one pass: 80,000 take some milliseconds. A span without its parent is at
 * the top, marked; a circle of parents is broken where it is entered.
 */
export function rowsOf(spans: readonly Span[]): readonly WaterRow[] {
  const byId = new Map(spans.map((span) => [span.spanId, span]));
  const parentOf = (span: Span) =>
    span.parentId === null || span.parentId === span.spanId ? undefined : byId.get(span.parentId);
  const children = Map.groupBy(spans, parentOf);
  const rows: MutableRow[] = [];
  const seen = new Set<Span>();
  for (const top of children.get(undefined) ?? []) walk(top, children, rows, seen);
  for (const span of spans) if (!seen.has(span)) walk(span, children, rows, seen);
  return rows;
}

type MutableRow = { -readonly [K in keyof WaterRow]: WaterRow[K] };

/** Without recursion: a trace may be as deep as it is long. */
function walk(
  top: Span,
  children: ReadonlyMap<Span | undefined, readonly Span[]>,
  rows: MutableRow[],
  seen: Set<Span>,
): void {
  const stack: { readonly span: Span; readonly parent?: MutableRow }[] = [{ span: top }];
  const above: MutableRow[] = [];
  for (let next = stack.pop(); next; next = stack.pop()) {
    const { span, parent } = next;
    if (seen.has(span)) continue;
    seen.add(span);
    const depth = parent ? parent.depth + 1 : 0;
    const shiftUs = parent ? parent.shiftUs + skewOf(parent.span, span) : 0;
    const row = { span, depth, below: 0, isOrphan: !parent && span.parentId !== null, shiftUs };
    above.length = depth;
    for (const one of above) one.below += 1;
    above.push(row);
    rows.push(row);
    for (const child of (children.get(span) ?? []).toReversed()) stack.push({ span: child, parent: row });
  }
}

/** A called process whose clock is behind seems to begin before it was called: it is moved into the middle of the call. */
function skewOf(parent: Span, span: Span): number {
  if (span.kind !== 2 || parent.kind !== 3) return 0;
  const isInside =
    span.offsetUs >= parent.offsetUs &&
    span.offsetUs + span.durationUs <= parent.offsetUs + parent.durationUs;
  if (isInside || span.durationUs > parent.durationUs) return 0;
  return parent.offsetUs + (parent.durationUs - span.durationUs) / 2 - span.offsetUs;
}

/** Without what is below the collapsed ones. */
export function visibleRows(rows: readonly WaterRow[], collapsed: ReadonlySet<string>): readonly WaterRow[] {
  if (collapsed.size === 0) return rows;
  const shown: WaterRow[] = [];
  for (let index = 0; index < rows.length; index += 1) {
    const row = rows[index];
    if (!row) continue;
    shown.push(row);
    if (collapsed.has(row.span.spanId)) index += row.below;
  }
  return shown;
}

/** `>50ms`, `<1.5s`: how long a span took. */
const DURATION = /^([<>])(\d+(?:\.\d+)?)(µs|us|ms|s)$/;
const UNIT_US: Readonly<Record<string, number>> = { µs: 1, us: 1, ms: 1_000, s: 1_000_000 };

/** Whether a span has these words, in its name, its service or its attributes, and took as long as they say. */
export function matches(span: Span, words: string): boolean {
  const given = words.trim().toLowerCase().split(/\s+/);
  if (!given.every((word) => tookAsLong(span, word))) return false;
  const text = given.filter((word) => !DURATION.test(word)).join(' ');
  if (`${span.service} ${span.name}`.toLowerCase().includes(text)) return true;
  return Object.entries(span.attributes).some(([name, value]) =>
    `${name}=${String(value)}`.toLowerCase().includes(text),
  );
}

function tookAsLong({ durationUs }: Span, word: string): boolean {
  const [, sign, number = '', unit = ''] = DURATION.exec(word) ?? [];
  const boundUs = Number(number) * (UNIT_US[unit] ?? 1);
  return sign === undefined || (sign === '>' ? durationUs > boundUs : durationUs < boundUs);
}
