import type { CheckDefinition } from '../decode/check-body.ts';
import type { Alarm, Alarms } from '../state/alarms.ts';
import type { Status } from '../state/records.ts';
import { createDamping } from './damping.ts';
import { limitOutput, type ProbeResult, runProbe } from './run-probe.ts';

/** Finds out how somebody is until it is stopped. */
export interface WatchedCheck {
  readonly definition: CheckDefinition;
  /** A report on a TTL check, which starts its time anew. */
  report(status: Status, output: string): void;
  /** Registered again: the time of a TTL check starts anew. */
  restart(): void;
  stop(): void;
}

export interface WatchCheckDeps {
  readonly alarms: Alarms;
  readonly random: () => number;
  readonly changed: (status: Status, output: string) => void;
  /** The worst status of what an alias check stands for, and why. */
  readonly readAlias: (probe: { readonly node: string; readonly serviceId: string }) => ProbeResult;
}

const ALIAS_EVERY_MS = 250;

export function watchCheck(definition: CheckDefinition, deps: WatchCheckDeps): WatchedCheck {
  const { probe } = definition;
  if (probe.type === 'ttl') return watchTtl(definition, probe.ttlMs, deps);
  const look =
    probe.type === 'alias' ? async () => deps.readAlias(probe) : async () => runProbe(probe, definition);
  return watchActive(definition, look, deps);
}

/** Critical when nobody has reported for its time. */
function watchTtl(
  definition: CheckDefinition,
  ttlMs: number,
  { alarms, changed }: WatchCheckDeps,
): WatchedCheck {
  let alarm: Alarm | undefined;
  let lastOutput = '';
  const restart = () => {
    alarm?.cancel();
    alarm = alarms.after(ttlMs, expire);
  };
  const expire = () => {
    const last = lastOutput === '' ? '' : ` (last output before timeout follows): ${lastOutput}`;
    changed('critical', `TTL expired${last}`);
  };
  restart();
  return {
    definition,
    report: (status, output) => {
      const bytes = Buffer.from(output);
      lastOutput = limitOutput(bytes.subarray(0, definition.maxOutputBytes), bytes.length);
      restart();
      changed(status, lastOutput);
    },
    restart,
    stop: () => alarm?.cancel(),
  };
}

function watchActive(
  definition: CheckDefinition,
  look: () => Promise<ProbeResult>,
  { alarms, random, changed }: WatchCheckDeps,
): WatchedCheck {
  const everyMs = definition.intervalMs || ALIAS_EVERY_MS;
  const damping = createDamping(definition);
  let isStopped = false;
  let alarm: Alarm | undefined;

  async function round(): Promise<void> {
    const { status, output } = await look();
    if (isStopped) return;
    const next = damping.next(status);
    if (next !== undefined) changed(next, output);
    alarm = alarms.after(everyMs, () => void round());
  }

  // Somewhere in the first interval: what was registered together is not all looked at together.
  alarm = alarms.after(random() * Math.min(everyMs, 1_000), () => void round());
  return {
    definition,
    report: () => undefined,
    restart: () => undefined,
    stop: () => {
      isStopped = true;
      alarm?.cancel();
    },
  };
}
