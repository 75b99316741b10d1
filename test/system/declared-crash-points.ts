import { eventStoreCrashPoints } from '@flotilla/event-store/testing';
import { messagingCrashPoints, rabbitmqCrashPoints } from '@flotilla/messaging/testing';
import { sagaCrashPoints } from '@flotilla/saga/testing';
import { listFiles, readText } from '../source-files.ts';

/** What a package says that it has; its own crash test runs through this list. */
const LISTS: Readonly<Record<string, readonly string[]>> = {
  eventStoreCrashPoints,
  messagingCrashPoints,
  rabbitmqCrashPoints,
  sagaCrashPoints,
};

/** Every point in the sources of the platform and the shop, by the name that stands there. */
export function declaredCrashPoints(): readonly string[] {
  const files = listFiles(/^(platform|shop)\/[^/]+\/src\/.*(?<!\.test)\.ts$/);
  const named = files.flatMap((file) =>
    [...readText(file).matchAll(/\bcrashPoint\('([a-z.-]+)'\)/g)].map((found) => found[1] ?? ''),
  );
  return [...new Set([...named, ...Object.values(LISTS).flat()])].sort();
}

/** Points at which a test of a package kills a process of its own, by name or by the list of the package. */
export function pointsHitByPackageTests(): ReadonlySet<string> {
  const tests = listFiles(/^(platform|shop)\/[^/]+\/(src|test)\/.*\.test\.ts$/).map(readText);
  const crashing = tests.filter((text) => /'SIGKILL'/.test(text));
  const listed = Object.entries(LISTS).filter(([name]) => crashing.some((text) => text.includes(name)));
  const named = crashing.flatMap((text) =>
    [...text.matchAll(/'([a-z-]+\.(?:before|after)-[a-z-]+)(?::\d+)?'/g)].map((found) => found[1] ?? ''),
  );
  return new Set([...named, ...listed.flatMap(([, points]) => points)]);
}
