/** Who does it and why, for the audit. */
export interface Operator {
  readonly by: string;
  readonly reason: string;
}
