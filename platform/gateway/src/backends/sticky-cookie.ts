import { createHmac } from 'node:crypto';
import { BoundedMap } from '@flotilla/kernel';
import type { BalancerConfig } from '../policies/load-balancing/config.ts';
import { fieldValue } from '../wire/rules/fields.ts';
import type { RequestHead } from '../wire/rules/request.ts';
import { cookieValue } from './sticky.ts';

/** A cookie of the gateway's own that leads a client to the instance that it had before. */
export interface StickyCookie {
  readonly name: string;
  /** What the client brings; `undefined` = nothing. */
  markIn(request: RequestHead): string | undefined;
  /** Stands for an instance and says nothing of it to who has not the secret. The same in every gateway that has. */
  markOf(instance: string): string;
  /** The `Set-Cookie` for it. */
  line(instance: string, secure: boolean): string;
}

type Config = Extract<BalancerConfig, { readonly type: 'StickyCookie' }>;

const MARK_BYTES = 16;
const MAX_MARKS = 10_000;

export function createStickyCookie(config: Config): StickyCookie {
  const { cookie: name, secret, path, sameSite, maxAgeSeconds, isAlwaysSecure } = config;
  const marks = new BoundedMap<string, string>(MAX_MARKS);
  const age = maxAgeSeconds === undefined ? '' : `; Max-Age=${maxAgeSeconds}`;
  const attributes = `; Path=${path}; HttpOnly; SameSite=${sameSite}${age}`;
  const markOf = (instance: string): string => {
    const known = marks.get(instance);
    if (known !== undefined) return known;
    const digest = createHmac('sha256', secret).update(instance).digest();
    const mark = digest.subarray(0, MARK_BYTES).toString('base64url');
    marks.set(instance, mark);
    return mark;
  };
  return {
    name,
    markOf,
    markIn: ({ fields }) => {
      const cookies = fieldValue(fields, 'cookie');
      return cookies === undefined ? undefined : cookieValue(cookies, name) || undefined;
    },
    line: (instance, secure) =>
      `${name}=${markOf(instance)}${attributes}${secure || isAlwaysSecure ? '; Secure' : ''}`,
  };
}
