import assert from 'node:assert/strict';
import { posix } from 'node:path';
import { describe, it } from 'node:test';
import { circles, crowded, importsOf, tooLong, unordered, waysUp } from './architecture/rooms.ts';
import { listFiles, readText } from './source-files.ts';

/**
 * Dependencies point one way: kernel ← platform packages ← shop/contracts ← shop services. A service never
 * imports a service, nothing imports the CLI, and no relative import leaves its package. A service's tests may start
 * another one by its `./testing`.
 */
const PLATFORM: Readonly<Record<string, readonly string[]>> = {
  kernel: [],
  telemetry: ['kernel'],
  'telemetry-store': ['kernel', 'process', 'telemetry'],
  auth: ['kernel', 'postgres'],
  postgres: ['kernel'],
  resilience: ['kernel', 'telemetry'],
  discovery: ['kernel', 'telemetry'],
  process: ['kernel', 'telemetry'],
  http: ['auth', 'discovery', 'kernel', 'resilience', 'telemetry'],
  grpc: ['auth', 'discovery', 'kernel', 'resilience', 'telemetry'],
  messaging: ['kernel', 'postgres', 'telemetry'],
  'event-store': ['kernel', 'postgres', 'telemetry'],
  saga: ['kernel', 'messaging', 'postgres', 'telemetry'],
  service: [
    'auth',
    'discovery',
    'http',
    'kernel',
    'messaging',
    'postgres',
    'process',
    'resilience',
    'telemetry',
  ],
  bff: ['auth', 'http', 'kernel', 'postgres', 'telemetry'],
  gateway: ['auth', 'discovery', 'kernel', 'process', 'resilience', 'telemetry'],
  console: [
    'event-store',
    'gateway',
    'kernel',
    'messaging',
    'postgres',
    'saga',
    'telemetry',
    'telemetry-store',
  ],
  cli: [
    'console',
    'discovery',
    'event-store',
    'gateway',
    'kernel',
    'messaging',
    'postgres',
    'process',
    'resilience',
    'saga',
    'telemetry',
    'telemetry-store',
  ],
};

/** Where configuration enters a process; everything else is handed values. */
const MAY_READ_ENVIRONMENT =
  /\.test\.ts$|\/(testing|main|run-service|run-task)\.ts$|\/src\/testing\/|^(platform|shop)\/[^/]+\/test\//;

/** Proving that something does not compile needs an expected error. */
const TYPE_TESTS = /typing\.test\.ts$/;

/** Folders that do the same job for two versions of HTTP: the same job has the same name. What only one of them needs is listed. */
const MIRRORS: Readonly<Record<string, readonly string[]>> = {
  'platform/gateway/src/wire/client': [
    ...['http1/chunked-decoder.ts', 'http1/head-lines.ts', 'http1/input.ts', 'http1/write-watch.ts'],
  ],
  'platform/gateway/src/wire/backend': [
    ...['http1/response-chunks.ts', 'http1/response-head.ts', 'http1/response-parser.ts', 'http1/upload.ts'],
  ],
};

/**
 * Where every call passes. `AbortSignal.any` and `AbortSignal.timeout` cost 19 µs and up to a kilobyte there, which is held
 * until the time is up although the call has long ended; a policy of `@flotilla/resilience` does not.
 */
const CALL_PATHS =
  /^platform\/(resilience|http|grpc|auth|postgres|saga|event-store|telemetry)\/src\/|^shop\/[^/]+\/src\/(domain|http)/;

/** What everybody needs and nobody writes again: its form, and the only files that have it. */
const ONE_OF_EACH: readonly (readonly [thing: string, form: RegExp, ...where: string[]])[] = [
  [
    'what a UUID is',
    /\[0-9a-f\]\{8\}.*\[0-9a-f\]\{12\}\$/,
    'platform/kernel/src/ids.ts',
    'shop/user/src/domain/profile.ts', // of version 7 alone, whose time it reads
  ],
  [
    'what a record is',
    /typeof (\w+) === 'object' && \1 !== null && !Array\.isArray\(\1\)/,
    'platform/kernel/src/json.ts',
  ],
  [
    'what a misspelt name means',
    /function (editDistance|levenshtein)/i,
    'platform/kernel/src/did-you-mean.ts',
  ],
  [
    'a wait with an end',
    /Promise\.race\(\[[^\]]*(sleep|delay|pause|patience|timeout|late)\b|function (within|withTimeout)\b/i,
    'platform/kernel/src/time/within.ts',
    // a clock that tests turn, or nothing that fails
    'platform/http/src/server/listener.ts',
    'platform/messaging/src/bus/listen-probe.ts',
    'platform/process/src/run-process.ts',
  ],
  [
    'a map of so many',
    /\.keys\(\)\.next\(\)|\[(oldest|eldest|first)\] = \w+\.keys\(\)/, // of `BoundedMap`
  ],
  [
    'work that goes on until it is stopped',
    /while \(!\w*(\.\w+)*\.aborted\b[^)]*\) \{/, // of `startLoop`
    'platform/cli/src/logs/log-files.ts', // a generator
    'platform/discovery/src/kubernetes/watch-slices.ts', // the server says when
    'platform/gateway/src/config/watch.ts', // until a file has been left alone
  ],
  [
    'an address as a text',
    /includes\(':'\).* \? `\[\$\{|replace\(\/\^::ffff/i,
    'platform/kernel/src/addresses/host-text.ts',
  ],
  ['a problem', /['"]application\/problem\+json['"](?!,)/, 'platform/kernel/src/problem-json.ts'],
  ['markup that is safe', /'&': '&amp;'/, 'platform/kernel/src/markup.ts'],
  [
    'a body of so many bytes',
    /await \(const chunk of [^)]*\)? ?(as [^)]*)?\) \{\s*(bytes|size) \+= [^;]*length;[^\n]*\s*if \((bytes|size) > \w+\)\s*(return|throw)/,
    'platform/kernel/src/collect.ts',
  ],
];

const files = listFiles(/^(platform|shop)\/.*\.tsx?$/).filter((file) => !file.includes('/gen/'));
const imports = files.flatMap((file) => importsOf(file, readText(file)));

/** `platform/http/src/x.ts` → `platform/http` */
function packageOf(file: string): string {
  return file.split('/').slice(0, 2).join('/');
}

const isOfTests = (file: string): boolean => /\.test\.ts$|^(platform|shop)\/[^/]+\/test\//.test(file);

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

const isTest = (file: string): boolean => /(\.test|\/testing)\.ts$/.test(file);

const isSource = (file: string): boolean => /^platform\/[^/]+\/src\//.test(file) && !isOfTests(file);

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
      if (target === undefined || (isTest(file) && /^@shop\/[^/]+\/testing$/.test(specifier))) return false;
      return !isAllowed(packageOf(file), target);
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

  it('lets rooms use only those before them', () => {
    assert.deepEqual(waysUp(imports.filter(({ file }) => isSource(file))), []);
    assert.deepEqual(unordered(files.filter(isSource)), []);
  });

  it('has no circle of folders, not even of types', () => {
    assert.deepEqual(circles(imports.filter(({ file }) => !isOfTests(file))), []);
  });

  it('names the same job alike for both versions of HTTP', () => {
    for (const [folder, ofOneAlone] of Object.entries(MIRRORS)) {
      const filesOf = (version: string) =>
        files
          .filter((file) => isSource(file) && posix.dirname(file) === `${folder}/${version}`)
          .map((file) => posix.basename(file));
      const [http1, http2] = [filesOf('http1'), filesOf('http2')];
      const alone = [
        ...http1.filter((name) => !http2.includes(name)).map((name) => `http1/${name}`),
        ...http2.filter((name) => !http1.includes(name)).map((name) => `http2/${name}`),
      ];
      assert.deepEqual(alone.sort(), ofOneAlone, folder);
      assert.ok(http1.length > ofOneAlone.length, `${folder} has no mirrors`);
    }
  });

  it('has no folder that is an alphabet', () => {
    assert.deepEqual(crowded(files.filter((file) => !isOfTests(file))), []);
  });

  it('makes no combined or timed signal where every call passes', () => {
    const wrong = files.filter(
      (file) =>
        CALL_PATHS.test(file) && isSource(file) && /\bAbortSignal\.(any|timeout)\b/.test(readText(file)),
    );
    assert.deepEqual(wrong, []);
  });

  it('has one of each small thing', () => {
    for (const [thing, form, ...where] of ONE_OF_EACH) {
      const found = files.filter((file) => !isOfTests(file) && !isTest(file) && form.test(readText(file)));
      assert.deepEqual(found.sort(), where.toSorted(), thing);
    }
  });

  it('ships nothing of a service to a browser', () => {
    const wrong = imports.filter(
      ({ file, specifier, isValue }) =>
        /^shop\/storefront\/src\//.test(file) &&
        isValue &&
        (targetOf(specifier) !== undefined || specifier.startsWith('node:')),
    );
    assert.deepEqual(
      wrong.filter(({ file }) => !isTest(file)),
      [],
    );
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
    const all = [...files, ...listFiles(/^(bench|chaos|scripts|test)\/.*\.ts$/)];
    assert.deepEqual(tooLong(new Map(all.map((file) => [file, readText(file)]))), []);
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

describe('sources and tests', () => {
  /** A question that only a test answers with yes. */
  const TEST_SWITCH = /\bplant(ed)?Bugs?\b|\bNODE_ENV\b|\bNODE_TEST_CONTEXT\b|\bis(In|Under)?Test\b/;
  const OF_TESTS = /(^@flotilla\/.*|\.|^node:)\/?\b(testing|test)(\/|\.ts$|$)/;
  const isShippedForTests = (file: string) => /\/src\/testing(\/|\.ts$)/.test(file);
  const shipped = files.filter((file) => !isOfTests(file) && !isShippedForTests(file));

  /** Files of a package that others import by its name. */
  const entriesOf = (folder: string): readonly string[] => {
    const { exports = {} } = JSON.parse(readText(`${folder}/package.json`)) as {
      readonly exports?: Readonly<Record<string, string>>;
    };
    return Object.values(exports).map((path) => posix.join(folder, path));
  };

  it('have no switches for each other', () => {
    assert.deepEqual(
      shipped.filter((file) => TEST_SWITCH.test(readText(file))),
      [],
    );
    const wrong = imports.filter(({ file, specifier }) => shipped.includes(file) && OF_TESTS.test(specifier));
    assert.deepEqual(wrong, []);
  });

  it('keep helpers in `test/`, or in `src/testing/` when they are shipped', () => {
    const used = new Set(
      imports
        .filter(({ file, specifier }) => !isOfTests(file) && specifier.startsWith('.'))
        .map(({ file, specifier }) => posix.join(posix.dirname(file), specifier)),
    );
    const entries = new Set([...new Set(files.map(packageOf))].flatMap(entriesOf));
    const helpers = shipped.filter(
      (file) =>
        /^platform\/[^/]+\/src\/(?!(.*\/)?(main|worker)\.ts$)/.test(file) &&
        !used.has(file) &&
        !entries.has(file),
    );
    assert.deepEqual(helpers, []);
  });
});
