import assert from 'node:assert/strict';
import { posix } from 'node:path';
import { describe, it } from 'node:test';
import { listFiles, readText } from './source-files.ts';

/**
 * Dependencies point one way: kernel ← platform packages ← shop/contracts ← shop services. A service never
 * imports a service, nothing imports the CLI, and no relative import leaves its package.
 */
const PLATFORM: Readonly<Record<string, readonly string[]>> = {
  kernel: [],
  telemetry: ['kernel'],
  auth: ['kernel'],
  postgres: ['kernel'],
  discovery: ['kernel', 'telemetry'],
  http: ['auth', 'discovery', 'kernel', 'telemetry'],
  grpc: ['auth', 'discovery', 'kernel', 'telemetry'],
  messaging: ['kernel', 'postgres', 'telemetry'],
  'event-store': ['kernel', 'postgres', 'telemetry'],
  saga: ['kernel', 'messaging', 'postgres', 'telemetry'],
  gateway: ['auth', 'discovery', 'kernel', 'telemetry'],
  cli: ['discovery', 'event-store', 'gateway', 'kernel', 'messaging', 'postgres', 'saga'],
};

const LIMIT_LINES = 500;

/** Where configuration enters a process; everything else is handed values. */
const MAY_READ_ENVIRONMENT = /\.test\.ts$|\/(testing|test-process|main|run-service)\.ts$|\/fixture\//;

/** Proving that something does not compile needs an expected error. */
const TYPE_TESTS = /typing\.test\.ts$/;

interface Import {
  readonly file: string;
  readonly specifier: string;
}

const files = listFiles(/^(platform|shop)\/.*\.ts$/).filter((file) => !file.includes('/gen/'));
const imports: readonly Import[] = files.flatMap((file) =>
  [
    ...readText(file).matchAll(
      /^\s*(?:import|export)\b[^'"]*?from\s+['"]([^'"]+)['"]|import\(\s*['"]([^'"]+)['"]\s*\)|^import\s+['"]([^'"]+)['"]/gm,
    ),
  ].map((found) => ({ file, specifier: found[1] ?? found[2] ?? found[3] ?? '' })),
);

/** `platform/http/src/x.ts` → `platform/http` */
function packageOf(file: string): string {
  return file.split('/').slice(0, 2).join('/');
}

/** The workspace package that a specifier names, as a folder; `undefined` for anything else. */
function targetOf(specifier: string): string | undefined {
  const [scope, name] = specifier.split('/');
  if (scope === '@flotilla') return `platform/${name}`;
  if (scope === '@shop') return `shop/${name}`;
  return undefined;
}

function isAllowed(from: string, to: string): boolean {
  if (from === to) return true;
  const [layer, name = ''] = from.split('/');
  const [targetLayer, target = ''] = to.split('/');
  if (layer === 'platform') return targetLayer === 'platform' && (PLATFORM[name] ?? []).includes(target);
  if (targetLayer === 'shop') return target === 'contracts' && name !== 'contracts';
  return target !== 'cli';
}

describe('the architecture', () => {
  it('has been looked at as a whole', (t) => {
    t.diagnostic(`${files.length} files, ${imports.length} imports`);
    assert.ok(files.length > 150, `only ${files.length} files were seen`);
    assert.ok(imports.length > 400, `only ${imports.length} imports were seen`);
  });

  it('knows every platform package', () => {
    const packages = new Set(
      files.filter((file) => file.startsWith('platform/')).map((file) => file.split('/')[1]),
    );
    assert.deepEqual([...packages].sort(), Object.keys(PLATFORM).sort());
  });

  it('lets dependencies point down only', () => {
    const wrong = imports.filter(({ file, specifier }) => {
      const target = targetOf(specifier);
      return target !== undefined && !isAllowed(packageOf(file), target);
    });
    assert.deepEqual(wrong, []);
  });

  it('reads paths from URLs so that spaces and percent signs survive', () => {
    // `new URL(…, import.meta.url).pathname` is still encoded; `import.meta.dirname` and `fileURLToPath` are not.
    const encoded = listFiles(/^(platform|shop|chaos|scripts|bench|test)\/.*\.[tj]s$/).filter(
      (file) =>
        file !== 'test/architecture.test.ts' && /import\.meta\.url\)\s*\.pathname/.test(readText(file)),
    );
    assert.deepEqual(encoded, []);
  });

  it('keeps relative imports inside their package', () => {
    const wrong = imports.filter(({ file, specifier }) => {
      if (!specifier.startsWith('.')) return false;
      return !posix.join(posix.dirname(file), specifier).startsWith(`${packageOf(file)}/`);
    });
    assert.deepEqual(wrong, []);
  });

  it('keeps the pure domain free of effects', () => {
    const wrong = imports.filter(({ file, specifier }) => {
      if (!/\/domain\/(?!.*\.test\.ts$)/.test(file)) return false;
      return !specifier.startsWith('.') && !['@flotilla/kernel', '@shop/contracts'].includes(specifier);
    });
    assert.deepEqual(wrong, []);
  });

  it('reads time, randomness and the environment at the edges only', () => {
    const domain = files.filter((file) => /\/domain\/(?!.*\.test\.ts$)/.test(file));
    const wrong = domain.filter((file) =>
      /\b(Date\.now|Math\.random|randomUUID|process\.env|new Date\(\))/.test(readText(file)),
    );
    assert.deepEqual(wrong, []);
    const environment = files.filter(
      (file) => /process\.env\b/.test(readText(file)) && !MAY_READ_ENVIRONMENT.test(file),
    );
    assert.deepEqual(environment, []);
  });

  it('has no file too long to read', () => {
    const long = files.filter(
      (file) => readText(file).split('\n').length > LIMIT_LINES * (file.endsWith('.test.ts') ? 2 : 1),
    );
    assert.deepEqual(long, []);
  });

  it('has no escape from the type checker or the linter', () => {
    const escapes = files.filter(
      (file) =>
        !TYPE_TESTS.test(file) &&
        /@ts-(ignore|expect-error|nocheck)|biome-ignore|\bas any\b/.test(readText(file)),
    );
    assert.deepEqual(escapes, []);
  });
});
