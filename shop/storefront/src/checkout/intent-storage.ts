import { type Intent, parseIntent } from './intent.ts';

const KEY = 'fl-order-intent';

/** For all tabs, and after the browser was closed. */
export function unansweredIntent(userId: string): Intent | undefined {
  const intent = parseIntent(localStorage.getItem(KEY));
  return intent?.userId === userId ? intent : undefined;
}

/** Before it is sent: afterwards could be too late. */
export function keepIntent(intent: Intent): void {
  localStorage.setItem(KEY, JSON.stringify(intent));
}

/** Its answer is known. */
export function forgetIntent({ key }: Intent): void {
  if (parseIntent(localStorage.getItem(KEY))?.key === key) localStorage.removeItem(KEY);
}
