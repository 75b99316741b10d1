/** A business outcome: an answer that is not the wished one is returned, not thrown. */
export type Result<Value, Rejection> =
  | { readonly ok: true; readonly value: Value }
  | { readonly ok: false; readonly rejection: Rejection };

export function accept<Value>(value: Value): { readonly ok: true; readonly value: Value } {
  return { ok: true, value };
}

export function reject<Rejection>(rejection: Rejection): {
  readonly ok: false;
  readonly rejection: Rejection;
} {
  return { ok: false, rejection };
}
