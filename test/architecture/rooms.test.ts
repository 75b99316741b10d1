import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { circles, crowded, type Import, importsOf, MAX_LINES, tooLong, unordered, waysUp } from './rooms.ts';

const root = join(import.meta.dirname, '../..');

const imported = (file: string, specifier: string, isValue = true): Import => ({ file, specifier, isValue });

describe('the guards of the architecture notice', () => {
  it('a room that uses one above it, by value or by type, in messaging, saga, event-store and the gateway', () => {
    for (const [file, specifier, way] of [
      ['platform/messaging/src/bus/a.ts', '../inbox/b.ts', 'platform/messaging/src/bus/a.ts → inbox'],
      ['platform/saga/src/store/a.ts', '../run/b.ts', 'platform/saga/src/store/a.ts → run'],
      ['platform/saga/src/run/a.ts', '../engine/b.ts', 'platform/saga/src/run/a.ts → engine'],
      [
        'platform/event-store/src/stream/a.ts',
        '../event-store.ts',
        'platform/event-store/src/stream/a.ts → event-store.ts',
      ],
      [
        'platform/gateway/src/wire/rules/a.ts',
        '../client/b.ts',
        'platform/gateway/src/wire/rules/a.ts → wire/client',
      ],
    ] as const)
      for (const isValue of [true, false])
        assert.deepEqual(waysUp([imported(file, specifier, isValue)]), [way]);
    assert.deepEqual(waysUp([imported('platform/messaging/src/inbox/a.ts', '../bus/b.ts')]), []);
  });

  it('a room of the gateway without a place in the order', () => {
    const files = ['platform/gateway/src/attic/a.ts', 'platform/gateway/src/time/b.ts'];
    assert.deepEqual(unordered(files), ['attic']);
  });

  it('folders that need each other, over others too, by types alone', () => {
    const src = 'platform/any/src';
    const there = imported(`${src}/a/x.ts`, '../b/y.ts', false);
    assert.deepEqual(circles([there, imported(`${src}/b/y.ts`, '../a/z.ts', false)]), [
      `${src}/a ⇄ ${src}/b`,
    ]);
    assert.deepEqual(
      circles([there, imported(`${src}/b/y.ts`, '../c/z.ts'), imported(`${src}/c/z.ts`, '../a/x.ts')]),
      [`${src}/a ⇄ ${src}/b`, `${src}/a ⇄ ${src}/c`, `${src}/b ⇄ ${src}/c`],
    );
  });

  it('none where one needs the other only, or is a part of it', () => {
    const src = 'platform/any/src';
    const within = [imported(`${src}/a/x.ts`, './part/y.ts'), imported(`${src}/a/part/y.ts`, '../x.ts')];
    assert.deepEqual(circles([imported(`${src}/a/x.ts`, '../b/y.ts'), ...within]), []);
  });

  it('a folder of more than 25 sources', () => {
    const files = Array.from({ length: 26 }, (_, index) => `platform/any/src/a/${index}.ts`);
    assert.deepEqual(crowded(files), ['platform/any/src/a: 26']);
    assert.deepEqual(crowded(files.slice(1)), []);
  });

  it('a file of more than 500 lines', () => {
    const text = 'line\n'.repeat(MAX_LINES);
    assert.deepEqual(
      tooLong(
        new Map([
          ['a.ts', text],
          ['b.ts', `${text}one more\n`],
        ]),
      ),
      ['b.ts: 501'],
    );
  });

  it('what is imported, and nothing that only looks like it', () => {
    const text = `
      // import './comment.ts';
      import type { A } from './type.ts';
      import { b } from './value.ts';
      export { type C, d } from './again.ts';
      const text = \`import './template.ts'\`;
      await import('./later.ts');`;
    assert.deepEqual(
      importsOf('a.ts', text).map(({ specifier, isValue }) => [specifier, isValue]),
      [
        ['./type.ts', false],
        ['./value.ts', true],
        ['./again.ts', false],
        ['./again.ts', true],
        ['./later.ts', true],
      ],
    );
  });
});

describe('the linter', () => {
  const RULE = 'noExcessiveLinesPerFunction';

  interface Override {
    readonly includes: readonly string[];
    readonly linter: { readonly rules: Readonly<Record<string, Readonly<Record<string, unknown>>>> };
  }

  it('lets no source have longer functions than others: suites are nested functions, and may', async () => {
    const { overrides } = JSON.parse(await readFile(join(root, 'biome.json'), 'utf8')) as {
      readonly overrides: readonly Override[];
    };
    const exempt = overrides.flatMap(({ includes, linter }) =>
      Object.values(linter.rules).some((rules) => RULE in rules) ? includes : [],
    );
    assert.deepEqual(
      exempt.filter((pattern) => !/\.test\.ts$|(^|\/)test\//.test(pattern)),
      [],
    );
  });

  it('notices a function of more than 80 lines', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'flotilla-lint-'));
    try {
      const functionOf = (lines: number) =>
        `export function long(): void {\n${'  console.log();\n'.repeat(lines)}}\n`;
      const check = async (lines: number) => {
        const file = join(folder, 'long.ts');
        await writeFile(file, functionOf(lines));
        const args = [
          'lint',
          `--only=complexity/${RULE}`,
          `--config-path=${root}`,
          '--vcs-enabled=false',
          file,
        ];
        return spawnSync(join(root, 'node_modules/.bin/biome'), args, { encoding: 'utf8' });
      };
      assert.equal((await check(80)).status, 0);
      const { status, stderr } = await check(81);
      assert.equal(status, 1);
      assert.match(stderr, /too many lines \(81\)/);
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});
