import { idProblem, type SpanRecord } from './records.ts';

/** Why a span cannot be kept. */
export function spanProblem({
  traceId,
  spanId,
  parentId,
}: Pick<SpanRecord, 'traceId' | 'spanId' | 'parentId'>): string | undefined {
  return (
    idProblem('trace', traceId) ??
    idProblem('span', spanId) ??
    (parentId !== null && parentId.length !== 8
      ? `the id of a parent has 8 bytes, got ${parentId.length}`
      : undefined)
  );
}
