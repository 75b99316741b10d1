import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { childEnvironment } from '@flotilla/kernel/testing';
import { COMMANDS } from '../command-line.ts';
import { completeWord } from './complete-word.ts';

const BIN = join(import.meta.dirname, '../../bin/flotilla.js');
const FIXTURE = join(import.meta.dirname, '../../test/fixture');

describe('what a shell offers', () => {
  const offered = (line: string) => {
    const { words, also } = completeWord(COMMANDS, line.split(' '));
    return [...words.map(([word]) => word), ...(also ? [`:${also}`] : [])].join(' ');
  };
  for (const [line, expected] of [
    ['rest', 'restart'],
    ['saga ', 'list show parked retry skip compensate complete edit cancel migrate'],
    ['saga li', 'list'],
    ['saga list ', ':services'],
    ['saga list order --st', '--status'],
    ['saga list order --status ', 'running compensating stuck completed compensated cancelled'],
    ['saga list order --status st', 'stuck'],
    ['saga list order --status=st', '--status=stuck'],
    ['stop cart ', ':services'],
    ['run ', ':services'],
    ['run order ', ':tasks'],
    ['run order import ', ':files'],
    ['stop --data-dir ', ':folders'],
    ['stop --data-dir x ', ':services'],
    ['logs -n 5 ', ':services'],
    ['gateway ', 'check key schema'],
    ['gateway check ', ':files'],
    ['completion ', 'bash zsh fish'],
    ['nonsense ', ''],
    ['ps ', ''],
  ] as const)
    it(line, () => assert.equal(offered(line), expected));
});

const ZSH = `
zmodload zsh/zpty
zpty z 'zsh -f -i'
zpty -w z 'PS1=; source ./complete-setup.zsh'
while [[ ! -e ready ]] sleep 0.05
zpty -w -n z "$1"$'\\t'
zpty -w -n z $'\\x18\\x12'
while [[ ! -s result ]] sleep 0.05
print -r -- "$(<result)"
zpty -d z
rm ready result
`;
const ZSH_SETUP = `
autoload -Uz compinit; compinit -u -d ./zcompdump
source ./complete.zsh
# Not before: until the line editor reads, the terminal takes ^R for itself.
zle-line-init() { : > $folder/ready }; zle -N zle-line-init
report() { print -r -- "$BUFFER" > $folder/result }
zle -N report; bindkey '^X^R' report
folder=$PWD; cd $FIXTURE
`;

describe('in real shells', () => {
  let folder = '';
  const env = () => ({
    ...childEnvironment(),
    HOME: folder,
    PATH: `${join(folder, 'bin')}:${process.env['PATH'] ?? ''}`,
    TERM: 'dumb',
  });
  const script = (shell: string) => {
    const options = { cwd: FIXTURE, encoding: 'utf8', env: childEnvironment() } as const;
    return execFileSync(process.execPath, [BIN, 'completion', shell], options);
  };
  const isInstalled = (shell: string) => spawnSync(shell, ['-c', 'true']).status === 0;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'flotilla-cli '));
    await mkdir(join(folder, 'bin'));
    await mkdir(join(folder, 'some-folder'));
    const program = join(folder, 'bin', 'flotilla');
    await writeFile(program, `#!/bin/sh\nexec '${process.execPath}' '${BIN}' "$@"\n`);
    await chmod(program, 0o755);
    for (const shell of ['bash', 'zsh', 'fish'] as const)
      await writeFile(join(folder, `complete.${shell}`), script(shell));
  });
  after(() => rm(folder, { recursive: true }));

  const LINES = [
    ['flotilla resta', 'restart'],
    ['flotilla stop acc', 'accounts'],
    ['flotilla run stock sh', 'show'],
    ['flotilla saga list stock --status=st', 'stuck'],
  ] as const;

  it('bash', { skip: !isInstalled('bash') }, () => {
    const ask = (line: string) => {
      // As bash splits the line for completion functions: = is a word of its own.
      const words = line.replace('=', ' = ').split(' ');
      const code = [
        `source '${join(folder, 'complete.bash')}'`,
        `COMP_LINE='${line}' COMP_POINT=${line.length} COMP_CWORD=${words.length - 1}`,
        `COMP_WORDS=(${words.map((word) => `'${word}'`).join(' ')})`,
        '_flotilla; printf "%s\\n" "$COMPREPLY"',
      ].join('\n');
      return execFileSync('bash', ['-c', code], { cwd: FIXTURE, encoding: 'utf8', env: env() });
    };
    for (const [line, expected] of LINES) assert.equal(ask(line), `${expected}\n`, line);
  });

  it('zsh', { skip: !isInstalled('zsh') }, () => {
    // A line editor in a terminal of its own: a tab is typed, and then a key that writes down what the line has become.
    const program = join(folder, 'ask.zsh');
    writeFileSync(program, ZSH);
    writeFileSync(join(folder, 'complete-setup.zsh'), ZSH_SETUP);
    const ask = (line: string) => {
      const options = { encoding: 'utf8', env: { ...env(), FIXTURE }, cwd: folder, timeout: 60_000 } as const;
      return execFileSync('zsh', ['-f', program, line], options).trim();
    };
    for (const [line, expected] of LINES) assert.equal(ask(line), line.replace(/[^ =]+$/, expected), line);
  });

  it('fish', { skip: !isInstalled('fish') }, () => {
    const ask = (line: string) => {
      const code = `source '${join(folder, 'complete.fish')}'; complete -C '${line}'`;
      return execFileSync('fish', ['--no-config', '-c', code], {
        cwd: FIXTURE,
        encoding: 'utf8',
        env: env(),
      });
    };
    for (const [line, expected] of LINES) {
      const [first = ''] = ask(line).trim().split('\n');
      assert.equal(first.split('\t')[0]?.replace(/^--status=/, ''), expected, line);
    }
  });
});
