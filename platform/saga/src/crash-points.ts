/** Every place between two durable effects of the engine, for `FLOTILLA_CRASH_POINT`. */
export const sagaCrashPoints = [
  'saga.after-start-commit',
  'saga.before-call',
  'saga.after-call',
  'saga.before-record-commit',
  'saga.after-record-commit',
  'saga.before-undo',
  'saga.after-undo',
  'saga.before-end',
] as const;
