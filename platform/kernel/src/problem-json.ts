import { STATUS_CODES } from 'node:http';

export const PROBLEM_CONTENT_TYPE = 'application/problem+json';

export interface Problem {
  readonly status: number;
  /** Stable, for programs. */
  readonly code: string;
  readonly detail?: string | undefined;
}

/** The JSON text of a problem (RFC 9457), with further members behind its own. */
export function problemJson({ status, code, detail }: Problem, more?: object): string {
  const title = STATUS_CODES[status] ?? 'Error';
  return JSON.stringify({
    type: 'about:blank',
    title,
    status,
    code,
    ...(detail !== undefined && { detail }),
    ...more,
  });
}
