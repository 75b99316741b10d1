import type { Caller, WriteKind } from '../acl.ts';

export interface RegistryRequest {
  /** What follows the route's path, decoded. */
  readonly argument: string;
  readonly query: URLSearchParams;
  readonly body: Buffer;
  readonly signal: AbortSignal;
  readonly caller: Caller;
}

export interface RegistryResponse {
  readonly status: number;
  readonly json?: unknown;
  /** Errors are plain text in Consul's API. */
  readonly text?: string;
  readonly bytes?: Buffer;
  readonly index?: number;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface RegistryRoute {
  readonly method: 'GET' | 'PUT' | 'DELETE';
  /** Ends with `/` when an argument follows. */
  readonly path: string;
  /** Longest body. Default 64 KiB. */
  readonly maxBodyBytes?: number;
  respond(request: RegistryRequest): Promise<RegistryResponse> | RegistryResponse;
}

/** Ends a request with a status and Consul's text for it. */
export class Refusal extends Error {
  readonly status: number;
  readonly index: number | undefined;
  constructor(status: number, text: string, index?: number) {
    super(text);
    this.status = status;
    this.index = index;
  }
}

export const OK: RegistryResponse = { status: 200 };

/** Throws the caller's refusal when it may not write. */
export function expectMay(caller: Caller, kind: WriteKind, name: string): void {
  if (!caller.mayWrite(kind, name)) throw new Refusal(403, caller.refusal(kind, name));
}

/** A flag as Go reads it: absent is off, present without a value is on. */
export function flagIn(query: URLSearchParams, name: string, index?: number): boolean {
  const value = query.get(name);
  if (value === null) return false;
  if (['', '1', 't', 'T', 'true', 'TRUE', 'True'].includes(value)) return true;
  if (['0', 'f', 'F', 'false', 'FALSE', 'False'].includes(value)) return false;
  throw new Refusal(400, `Invalid value for ?${name}`, index);
}
