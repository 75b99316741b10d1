/** Whether a service without instances may soon have some. */
export interface LastKnown {
  /** The registry has named so many instances. */
  answered(instances: number): void;
  /** Until the first response nobody knows better; then as long as there are some, and for a minute after they went. */
  readonly isAlive: boolean;
}

const RETURN_MS = 60_000;

export function createLastKnown(nowMs: () => number): LastKnown {
  let state: 'unheard' | 'there' | 'away' = 'unheard';
  let wentAtMs = Number.NEGATIVE_INFINITY;
  return {
    answered: (instances) => {
      if (instances === 0 && state === 'there') wentAtMs = nowMs();
      state = instances === 0 ? 'away' : 'there';
    },
    get isAlive() {
      return state !== 'away' || nowMs() - wentAtMs < RETURN_MS;
    },
  };
}
