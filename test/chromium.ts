import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { type Browser, chromium } from 'playwright-core';

/** The one without windows first: the others draw those that nobody sees. */
const CHROMIUMS = [
  ...['/usr/lib/chromium/chromium-headless-shell', '/usr/bin/chromium'],
  ...['/usr/bin/chromium-browser', '/usr/bin/google-chrome'],
];
/** Set by whoever has another one. */
const CHROMIUM = process.env['CHROMIUM'] || CHROMIUMS.find((path) => existsSync(path));

/** Why there is nothing to look with; `false` when there is. */
export const noBrowser: string | false =
  CHROMIUM === undefined && 'there is no Chromium; CHROMIUM says where one is';

export async function launchBrowser(): Promise<Browser> {
  assert.ok(CHROMIUM);
  const isRoot = process.getuid?.() === 0;
  const args = ['--disable-gpu', ...(isRoot ? ['--no-sandbox'] : [])];
  return await chromium.launch({ executablePath: CHROMIUM, args });
}
