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
  'saga.before-reply-commit',
  'saga.after-reply-commit',
  'saga.before-event-commit',
  'saga.after-event-commit',
  'saga.before-operation-commit',
  'saga.after-operation-commit',
  'saga.before-migrate-commit',
  'saga.after-migrate-commit',
] as const;
