const COLOURS = [
  '#3f7fe0',
  '#1f9d6b',
  '#c2730c',
  '#9a55d6',
  '#d1477a',
  '#1596a8',
  '#7a8a1e',
  '#d2502f',
  '#5b6ee1',
  '#4a8f3c',
];

/** The same colour for a service on every page. */
export function colourOf(service: string): string {
  let sum = 7;
  for (const sign of service) sum = (sum * 31 + sign.charCodeAt(0)) % 9973;
  return COLOURS[sum % COLOURS.length] ?? '#888888';
}

export function milliseconds(ms: number): string {
  if (ms < 1) return `${Math.round(ms * 1_000)} µs`;
  if (ms < 1_000) return `${ms < 10 ? ms.toFixed(1) : Math.round(ms)} ms`;
  return ms < 60_000 ? `${(ms / 1_000).toFixed(2)} s` : seconds(ms / 1_000);
}

export function seconds(total: number): string {
  const whole = Math.max(0, Math.round(total));
  if (whole < 60) return `${whole} s`;
  if (whole < 3_600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  if (whole < 86_400) return `${Math.floor(whole / 3_600)} h ${Math.floor((whole % 3_600) / 60)} min`;
  return `${Math.floor(whole / 86_400)} d ${Math.floor((whole % 86_400) / 3_600)} h`;
}

const TIME: Intl.DateTimeFormatOptions = {
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
  hour12: false,
};

export function clock(at: number | string): string {
  const date = new Date(at);
  const time = date.toLocaleTimeString('en-GB', TIME);
  const isToday = date.toDateString() === new Date().toDateString();
  return isToday ? time : `${date.toISOString().slice(0, 10)} ${time}`;
}

export function ago(at: number | string): string {
  const passed = (Date.now() - new Date(at).getTime()) / 1_000;
  return passed < 0 ? `in ${seconds(-passed)}` : `${seconds(passed)} ago`;
}

/** The engine that has taken a piece of work; one that should have ended it has stalled, or is gone. */
export function holderOf(
  { leasedBy, leasedUntil }: { readonly leasedBy?: string; readonly leasedUntil?: string },
  nowMs: number,
): string {
  if (leasedBy === undefined) return '';
  if (leasedUntil === undefined || Date.parse(leasedUntil) > nowMs) return `worked on by ${leasedBy}`;
  return `stalled since ${clock(leasedUntil)}: ${leasedBy} has not come back to it`;
}

const GOOD = [
  'passing',
  'usable',
  'closed',
  'holds',
  'active',
  'running',
  'completed',
  'confirmed',
  'captured',
  'created',
  'committed',
  'live',
  'done',
];
const WARN = [
  'compensating',
  'building',
  'waiting',
  'half-open',
  'held-out',
  'warning',
  'ticket',
  'starting',
  'restarting',
  'stopping',
  'pending',
  'held',
  'open',
  'idle',
  'inventoryreserved',
  'paymentprocessed',
  'refunding',
  'voiding',
];
const BAD = [
  'critical',
  'unhealthy',
  'ejected',
  'halted',
  'abandoned',
  'page',
  'open circuit',
  'stuck',
  'crashloop',
  'failed',
  'gone',
  'refused',
  'declined',
  'unknown',
];

export function toneOf(state: string): 'good' | 'warn' | 'bad' | '' {
  const name = state.toLowerCase();
  if (BAD.includes(name) || / violations?$/.test(name)) return 'bad';
  if (WARN.includes(name)) return 'warn';
  return GOOD.includes(name) ? 'good' : '';
}

export function levelOf(severity: number): 'error' | 'warn' | 'info' | 'debug' {
  if (severity >= 17) return 'error';
  if (severity >= 13) return 'warn';
  return severity >= 9 || severity === 0 ? 'info' : 'debug';
}
