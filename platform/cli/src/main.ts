import { runCommandLine } from './command-line.ts';

// Whoever read our output may go away (`flotilla up | head`, a closed terminal): that must not end the system.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);

process.exitCode = await runCommandLine(process.argv.slice(2), { cwd: process.cwd(), env: process.env });
