import type { Command, Invocation } from '../command-line/command.ts';
import { completeWord } from '../command-line/complete-word.ts';
import { SHELL_SCRIPTS } from '../command-line/shell-scripts.ts';
import { oneOf, textOf } from '../command-line/value-kinds.ts';
import type { SystemConfig } from '../config.ts';
import { findRoot, loadSystem } from '../load-system.ts';

const SHELLS = Object.keys(SHELL_SCRIPTS) as (keyof typeof SHELL_SCRIPTS)[];

/** `flotilla completion …`, for all of these commands. */
export function completion(commands: () => readonly Command[]): Command {
  return {
    name: 'completion',
    summary: 'prints a script that completes the commands in bash, zsh or fish',
    arguments: [{ kind: oneOf(SHELLS, SHELLS.join('|')) }],
    example: 'completion bash > ~/.local/share/bash-completion/completions/flotilla',
    run: async ({ positionals: [shell] }) => {
      const found = SHELLS.find((one) => one === shell);
      if (found !== undefined) process.stdout.write(SHELL_SCRIPTS[found]);
      return 0;
    },
    commands: [
      {
        name: 'words',
        summary: 'what fits at the end of a command line',
        isHidden: true,
        arguments: [{ kind: textOf('word'), isOptional: true, isRepeated: true }],
        run: (invocation) => printWords(commands(), invocation),
      },
    ],
  };
}

async function printWords(commands: readonly Command[], { positionals, cwd }: Invocation): Promise<number> {
  const { words, also, of = '' } = completeWord(commands, positionals);
  const lines = words.map((word) => word.join('\t'));
  if (also === 'services' || also === 'tasks') {
    const services = await servicesOf(cwd);
    const names = also === 'services' ? services : (Object.hasOwn(services, of) && services[of]?.tasks) || {};
    lines.push(...Object.keys(names).filter((name) => name.startsWith(positionals.at(-1) ?? '')));
  } else if (also !== undefined) {
    lines.push(`:${also}`);
  }
  for (const line of lines) console.log(line);
  return 0;
}

/** Outside of a checkout, or in a broken one, there are none to offer; that is not the moment to complain. */
async function servicesOf(cwd: string): Promise<SystemConfig['services']> {
  try {
    return (await loadSystem(findRoot(cwd))).services;
  } catch {
    return {};
  }
}
