import { resolve } from 'node:path';
import type { GatewayConfig } from '@flotilla/gateway';
import { isPlatformError } from '@flotilla/kernel';

export const STRICT_OPTION = {
  'ocelot-strict': { help: "with Ocelot's own behaviour where the default differs" },
} as const;

/** The configuration in a file or folder, or everything that is wrong with it. */
export type GatewayFile =
  | { readonly config: GatewayConfig; readonly problems: readonly [] }
  | { readonly config: undefined; readonly problems: readonly string[] };

export async function readGatewayFile(
  path: string,
  {
    cwd,
    strict,
    isEmbedded,
    env,
  }: {
    readonly cwd: string;
    readonly strict: boolean;
    readonly isEmbedded: boolean;
    readonly env: Readonly<Record<string, string | undefined>>;
  },
): Promise<GatewayFile> {
  const { ANYTHING, loadConfigFiles, readGatewayConfig } = await import('@flotilla/gateway');
  try {
    const registered = isEmbedded ? ANYTHING : {};
    // As `flotilla gateway` itself starts with it.
    const files = await loadConfigFiles(resolve(cwd, path), { env });
    const config = readGatewayConfig(files, { strict, registered });
    return { config, problems: [] };
  } catch (error) {
    if (!isPlatformError(error) || error.code !== 'GATEWAY_CONFIG_INVALID') throw error;
    return { config: undefined, problems: error.details['problems'] as readonly string[] };
  }
}

export function describeProblems(path: string, problems: readonly string[]): string {
  return `${path} is not valid:\n${problems.map((problem) => `  ${problem}`).join('\n')}`;
}
