import type { IncomingMessage } from 'node:http';
import { readForm } from '@flotilla/auth/provider';
import type { Again } from '../pages/pages.ts';

export interface Posted {
  /** `undefined`: the page is only opened. */
  readonly form: URLSearchParams | undefined;
  /** What a page that is opened once more, after a fault, is filled in with. */
  readonly typed: URLSearchParams;
}

/** What is no form, or too long for one, is an empty one. */
export async function readPosted(req: IncomingMessage): Promise<Posted> {
  const form = req.method === 'POST' ? ((await readForm(req)) ?? new URLSearchParams()) : undefined;
  return form?.has('again') === true
    ? { form: undefined, typed: form }
    : { form, typed: new URLSearchParams() };
}

const KEPT: readonly string[] = ['email', 'name', 'token', 'ticket'];

/** What a form that met a fault may hold for another try: no password, no code. Undefined for a page that was only opened. */
export function againOf(action: string, { form, typed }: Posted): Again | undefined {
  const posted = form ?? typed;
  if (form === undefined && !typed.has('again')) return undefined;
  return { action, fields: [...posted].filter(([name, value]) => KEPT.includes(name) && value !== '') };
}
