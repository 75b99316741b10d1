import { styleText } from 'node:util';
import type { Unit, UnitEvent } from '../processes/supervised-process.ts';

/** Where the user watches; a terminal gets one line that changes. */
export interface Screen {
  readonly isTTY?: boolean | undefined;
  readonly columns?: number | undefined;
  write(text: string): unknown;
}

export interface Progress {
  /** Everything was started: from now on only what deserves attention is shown. */
  finish(): void;
  onEvent(unit: Unit, event: UnitEvent): void;
  /** A line of its own, whatever is on the screen. */
  say(line: string): void;
}

const CLEAR = '\r\u001b[2K';

/** Shows what starts, and what crashes. */
export function createProgress(screen: Screen, total: number): Progress {
  const begun = new Map<string, 'starting' | 'ready' | 'failed'>();
  const lastCrash = new Map<string, string>();
  let starting = true;
  let drawn = false;

  function erase(): void {
    if (drawn) screen.write(CLEAR);
    drawn = false;
  }

  function draw(): void {
    if (!starting || !screen.isTTY) return;
    erase();
    const ready = [...begun.values()].filter((state) => state === 'ready').length;
    const waiting = [...begun].filter(([, state]) => state === 'starting').map(([name]) => name);
    const text = `Starting ${ready}/${total}: ${waiting.join(', ')}`;
    screen.write(text.slice(0, (screen.columns || 80) - 1));
    drawn = true;
  }

  function say(line: string): void {
    erase();
    screen.write(`${line}\n`);
    draw();
  }

  function note(unit: Unit, event: UnitEvent): void {
    const name = unit.instance;
    if (event.type !== 'crashed' && event.type !== 'starting') lastCrash.delete(name);
    if (event.type === 'starting' || event.type === 'ready') {
      begun.set(name, event.type);
      if (event.type === 'ready' && !(starting && screen.isTTY)) say(`${name} is ready`);
      else draw();
    } else if (event.type === 'crashed') {
      const text = `${name} ended (${event.how}); it starts again in ${event.restartInMs / 1_000} s`;
      if (lastCrash.get(name) !== text) say(warn(text)); // what is tried for ever is told once
      lastCrash.set(name, text);
    } else if (event.type === 'gave-up') {
      begun.set(name, 'failed');
      say(gaveUp(unit, event));
    } else if (!starting) {
      say(`${name} has stopped`);
    }
  }

  return {
    finish: () => {
      erase();
      starting = false;
    },
    onEvent: note,
    say,
  };
}

function gaveUp(unit: Unit, { how, lines }: Extract<UnitEvent, { type: 'gave-up' }>): string {
  const log =
    lines.length === 0 ? [] : [`Its last ${lines.length} log lines:`, ...lines.map((line) => `  ${line}`)];
  return [
    alarm(
      `${unit.instance} does not stay up (${how}) and is left down: \`flotilla start ${unit.service}\` tries again`,
    ),
    ...log,
  ].join('\n');
}

const warn = (text: string): string => styleText('yellow', text, { stream: process.stdout });
const alarm = (text: string): string => styleText('red', text, { stream: process.stdout });
