import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { COMMANDS } from '../command-line.ts';
import type { Command } from './command.ts';
import { findCommand, readArguments } from './read-command.ts';
import { overview, usageOf } from './usage.ts';

interface Named {
  readonly path: readonly string[];
  readonly command: Command;
}

function all(commands: readonly Command[], above: readonly string[] = []): readonly Named[] {
  return commands.flatMap((command) => {
    const path = [...above, command.name];
    return [{ path, command }, ...all(command.commands ?? [], path)];
  });
}

const every = all(COMMANDS);
const shown = every.filter(({ command }) => command.run && !command.isHidden);

/** As a shell splits it, for the quotes and redirections that examples use. */
function wordsOf(line: string): readonly string[] {
  const [command = ''] = line.split(' > ');
  return [...command.matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, bare]) => quoted ?? bare ?? '');
}

describe('the help', () => {
  it('is at most 100 columns wide', () => {
    const texts = [overview(COMMANDS), ...every.map(({ path, command }) => usageOf(path, command))];
    const wide = texts.flatMap((text) => text.split('\n')).filter((line) => line.length > 100);
    assert.deepEqual(wide, []);
  });

  it('has an example for each command, which the command understands', () => {
    for (const { path, command } of shown) {
      const { example = '' } = command;
      assert.ok(example.startsWith(path.join(' ')), `${path.join(' ')}: ${example}`);
      const found = findCommand(COMMANDS, wordsOf(example));
      assert.equal(found.command, command, example);
      assert.equal(readArguments(found).wantsHelp, false);
    }
  });

  it('is given for each command and each group', () => {
    for (const { path } of every) {
      const { wantsHelp } = readArguments(findCommand(COMMANDS, [...path, '--help']));
      assert.equal(wantsHelp, true, path.join(' '));
    }
  });

  it('uses a letter for one option of a command', () => {
    for (const { command } of every) {
      const shorts = Object.values(command.options ?? {}).flatMap(({ short }) => short ?? []);
      assert.equal(new Set([...shorts, 'h']).size, shorts.length + 1, command.name);
    }
  });
});
