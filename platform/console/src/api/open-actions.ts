import type { Desk, ProcessRow, ServiceAction } from '../deps.ts';

export interface OpenAction {
  readonly action: ServiceAction;
  readonly consequence: string;
}

const CONSEQUENCES: Readonly<Record<ServiceAction, string>> = {
  start: 'Its processes are started, and again when they crash.',
  stop: 'Its processes answer what has come, and end. They stay down until somebody starts them.',
  restart: 'Its processes answer what has come, end, and are started again.',
};

/** What is open to whoever asks, of what is open at all: to a viewer nothing. */
export function openTo<T>({ role }: Pick<Desk, 'role'>, open: readonly T[]): readonly T[] {
  return role === 'operator' ? open : [];
}

/** What is open for a process and its service now. The console cannot stop itself: nobody could start it from here. */
export function openActions({
  service,
  state,
}: Pick<ProcessRow, 'service' | 'state'>): readonly OpenAction[] {
  const isDown = state === 'Stopped' || state === 'CrashLoop';
  const actions: readonly ServiceAction[] =
    service === 'console' ? ['restart'] : isDown ? ['start'] : ['restart', 'stop'];
  return actions.map((action) => ({ action, consequence: CONSEQUENCES[action] }));
}
