import type { IncomingMessage } from 'node:http';
import { isIP } from 'node:net';
import type { Asker } from '@flotilla/auth/provider';
import { addressOwner } from '@flotilla/kernel/addresses';

const BROWSERS: readonly (readonly [RegExp, string])[] = [
  [/\bEdg\//, 'Edge'],
  [/\bOPR\//, 'Opera'],
  [/\bFirefox\//, 'Firefox'],
  [/\b(?:Chrome|Chromium|CriOS)\//, 'Chrome'],
  [/\bSafari\//, 'Safari'],
];
const SYSTEMS: readonly (readonly [RegExp, string])[] = [
  [/\biPhone|\biPad/, 'iOS'],
  [/\bAndroid\b/, 'Android'],
  [/\bWindows\b/, 'Windows'],
  [/\bMac OS X\b/, 'macOS'],
  [/\bCrOS\b/, 'ChromeOS'],
  [/\bLinux\b/, 'Linux'],
];

/** Who asks, as the list of sessions shows it to its owner. */
export function askerOf(req: IncomingMessage): Asker {
  const named = req.headers['x-real-ip'];
  const address = typeof named === 'string' && isIP(named) !== 0 ? named : req.socket.remoteAddress;
  return {
    device: deviceOf(req.headers['user-agent']),
    address: address === undefined ? undefined : addressOwner(address),
  };
}

/** `Firefox on Linux`. */
export function deviceOf(userAgent: string | undefined): string | undefined {
  if (userAgent === undefined || userAgent === '') return undefined;
  const of = (table: typeof BROWSERS) => table.find(([pattern]) => pattern.test(userAgent))?.[1];
  const browser = of(BROWSERS);
  if (browser === undefined)
    return userAgent
      .split(/[ /]/)[0]
      ?.replace(/[^\w.-]/g, '')
      .slice(0, 40);
  const system = of(SYSTEMS);
  return system === undefined ? browser : `${browser} on ${system}`;
}
