import type { Step } from '../../exchange.ts';
import { CompressedResponse } from './compressed-response.ts';
import type { CompressionConfig } from './config.ts';

/** Puts the compression between the client and all that answers it. Whether it does anything the answer's head decides. */
export function compileCompression(config: CompressionConfig | undefined): Step | undefined {
  if (config === undefined) return undefined;
  return (exchange) => {
    exchange.answer = new CompressedResponse(exchange, config);
    return undefined;
  };
}
