/** A receiver that takes everything and looks at nothing. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import { runProgram } from '../program.ts';

await runProgram(async () => {
  let bytes = 0;
  const server = createServer((request, response) => {
    request.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
    });
    request.on('end', () => response.end());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const url = typeof address === 'object' && address !== null ? `http://127.0.0.1:${address.port}` : '';
  return {
    commands: { url: async () => url, bytes: async () => bytes },
    close: async () => {
      server.closeAllConnections();
      server.close();
    },
  };
});
