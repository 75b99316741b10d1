/**
 * Generates what is committed though it is made from something else: protobuf types
 * (`<package>/proto/<path>.proto` → `<package>/gen/<path>_pb.ts`; no protoc and no buf: protobufjs parses,
 * protoc-gen-es writes), the JSON schema and the list of keys of gateway configurations, the list of commands, what
 * each package exports, metrics, spans and log fields, and the picture of the rooms. Run it after changing a .proto, a key, a command, an export or a room: `npm run generate`. With `--check`
 * it writes nothing and fails when a file is not what it would write.
 */
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import {
  CodeGeneratorRequestSchema,
  CodeGeneratorResponseSchema,
  type FileDescriptorProto,
} from '@bufbuild/protobuf/wkt';
import { commandReference } from '@flotilla/cli/reference';
import { configReference, configSchema, limitsReference } from '@flotilla/gateway';
import { apiReport } from './packages/api-report.ts';
import { compileDeclarations } from './packages/compile.ts';
import { findPackages } from './packages/workspace.ts';
import { parseProto } from './parse-proto.ts';
import { roomsPicture } from './rooms-picture.ts';
import { telemetryReference } from './telemetry-reference.ts';

const ROOT = dirname(import.meta.dirname);
const PACKAGES = ['shop/contracts', 'platform/grpc'];
const OPTIONS = 'target=ts,import_extension=ts,erasable_syntax=true';

export interface GeneratedFile {
  /** Relative to the repository. */
  readonly path: string;
  readonly content: string;
}

/** What the committed files must contain. */
export async function generateAll(): Promise<GeneratedFile[]> {
  return [
    ...(await Promise.all(PACKAGES.map(generatePackage))).flat(),
    ...gatewayFiles(),
    COMMANDS,
    { path: 'docs/reference/telemetry.md', content: telemetryReference(ROOT) },
    { path: 'docs/rooms.svg', content: roomsPicture(ROOT) },
    ...(await apiReports()),
  ];
}

/** What each package of the platform exports: `docs/reference/api/<package>.md`. */
async function apiReports(): Promise<GeneratedFile[]> {
  const folder = await mkdtemp(join(tmpdir(), 'flotilla-api-'));
  try {
    const packages = findPackages(ROOT);
    const declarations = join(folder, 'declarations');
    compileDeclarations(ROOT, packages, declarations);
    return packages.map((pack) => ({
      path: `docs/reference/api/${pack.folder}.md`,
      content: apiReport(pack, declarations),
    }));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

const COMMANDS: GeneratedFile = { path: 'docs/reference/commands.md', content: commandReference() };

function gatewayFiles(): GeneratedFile[] {
  const schema = `${JSON.stringify(configSchema(), null, 2)}\n`;
  return [
    { path: 'platform/gateway/schema/ocelot.schema.json', content: schema },
    { path: 'docs/reference/gateway-keys.md', content: configReference() },
    { path: 'docs/reference/gateway-limits.md', content: limitsReference() },
  ];
}

async function generatePackage(folder: string): Promise<GeneratedFile[]> {
  const protoFolder = join(ROOT, folder, 'proto');
  const names = (await readdir(protoFolder, { recursive: true }))
    .filter((name) => name.endsWith('.proto'))
    .sort();
  const files = await Promise.all(
    names.map(async (name) => parseProto(name, await readFile(join(protoFolder, name), 'utf8'))),
  );
  return (await runPlugin(files)).map(({ path, content }) => ({ path: join(folder, 'gen', path), content }));
}

async function runPlugin(files: FileDescriptorProto[]): Promise<GeneratedFile[]> {
  const request = create(CodeGeneratorRequestSchema, {
    fileToGenerate: files.map((file) => file.name),
    parameter: OPTIONS,
    protoFile: files,
  });
  const answer = await new Promise<Buffer>((resolve, reject) => {
    const plugin = join(ROOT, 'node_modules/@bufbuild/protoc-gen-es/bin/protoc-gen-es');
    const child = execFile(
      process.execPath,
      [plugin],
      { encoding: 'buffer', timeout: 30_000 },
      (error, stdout) => (error ? reject(error) : resolve(stdout)),
    );
    child.stdin?.end(toBinary(CodeGeneratorRequestSchema, request));
  });
  const response = fromBinary(CodeGeneratorResponseSchema, answer);
  if (response.error !== '') throw new Error(`protoc-gen-es: ${response.error}`);
  return response.file.map((file) => ({ path: file.name, content: file.content }));
}

/** The files that are missing or not what they must be. */
export async function findStale(files: readonly GeneratedFile[]): Promise<string[]> {
  const isStale = async ({ path, content }: GeneratedFile) =>
    (await readFile(join(ROOT, path), 'utf8').catch(() => undefined)) !== content;
  const stale = await Promise.all(files.map(isStale));
  return files.filter((_, index) => stale[index]).map((file) => file.path);
}

async function main(): Promise<void> {
  const files = await generateAll();
  if (process.argv.includes('--check')) {
    const stale = await findStale(files);
    console.log(stale.length === 0 ? `${files.length} files are current` : `stale: ${stale.join(', ')}`);
    process.exitCode = stale.length === 0 ? 0 : 1;
    return;
  }
  for (const { path, content } of files) {
    await mkdir(dirname(join(ROOT, path)), { recursive: true });
    await writeFile(join(ROOT, path), content);
    console.log(path);
  }
}

if (import.meta.main) await main();
