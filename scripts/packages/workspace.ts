/** The packages below `platform/`, as their manifests in this repository describe them. */
import { globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

export type Manifest = {
  readonly name: string;
  readonly peerDependencies?: Readonly<Record<string, string>>;
  readonly version: string;
  readonly exports: Readonly<Record<string, string>>;
  readonly bin?: Readonly<Record<string, string>>;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
  readonly [key: string]: unknown;
};

export type Package = {
  /** `messaging`: the folder below `platform/`. */
  readonly folder: string;
  readonly path: string;
  readonly manifest: Manifest;
};

/** Every package of the platform, in the order of their folders. */
export function findPackages(root: string): readonly Package[] {
  return globSync('platform/*/package.json', { cwd: root })
    .sort()
    .map((file) => {
      const path = dirname(join(root, file));
      const manifest = JSON.parse(readFileSync(join(root, file), 'utf8')) as Manifest;
      return { folder: file.split(/[\\/]/)[1] ?? '', path, manifest };
    });
}
