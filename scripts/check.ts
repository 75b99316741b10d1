/** `npm run check`: every static check, all of them even when one fails; exit 1 if any did. */
import { spawnSync } from 'node:child_process';
import { existsSync, globSync } from 'node:fs';

const checks: readonly (readonly [name: string, command: string, ...args: string[]])[] = [
  ['format and lint', 'biome', 'ci', '--error-on-warnings', '.'],
  ['types', 'tsc', '--project', '.'],
  // Pages know a browser's globals, and JSX.
  ...globSync('{platform,shop,test}/*/tsconfig.json').map(
    (project) => [`types of ${project.split('/')[1]}`, 'tsc', '--project', project] as const,
  ),
  // What the benchmarks compare with, and what judges pages, is not installed with the rest: `npm ci --prefix bench/peers`.
  ...['peers', 'lighthouse']
    .filter((folder) => existsSync(`bench/${folder}/node_modules`))
    .map((folder) => [`types of ${folder}`, 'tsc', '--project', `bench/${folder}`] as const),
  ['dead code', 'knip'],
  ['lock file', 'node', 'scripts/lock-file.ts'],
  ['generated code', 'node', 'scripts/generate.ts', '--check'],
  [
    'architecture, effects and docs',
    'node',
    '--test',
    'test/architecture.test.ts',
    'test/architecture/rooms.test.ts',
    'test/effects.test.ts',
    'test/docs.test.ts',
    'test/migrations.test.ts',
  ],
];

const failed = checks.filter(([name, command, ...args]) => {
  console.log(`\n== ${name}: ${command} ${args.join(' ')}`);
  const { status, error } = spawnSync(command, args, { stdio: 'inherit' });
  if (error) console.error(error.message);
  return status !== 0;
});

console.log(
  failed.length === 0 ? '\nAll checks passed.' : `\nFailed: ${failed.map(([name]) => name).join(', ')}`,
);
process.exitCode = failed.length === 0 ? 0 : 1;
