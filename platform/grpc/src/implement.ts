import type {
  DescMessage,
  DescMethod,
  DescMethodUnary,
  DescService,
  MessageInitShape,
  MessageShape,
} from '@bufbuild/protobuf';
import { type Access, type Policy, type Principal, requireAccess } from '@flotilla/auth';
import type { Issue } from '@flotilla/kernel';
import type { StatusName } from './status.ts';

/** What a handler knows about the call besides the request. */
export interface GrpcCall {
  /** Who calls; there whenever the method's access is a policy. */
  readonly principal?: Principal;
  /** Aborts when the caller gives up or its deadline passes. */
  readonly signal: AbortSignal;
}

/** A returned business rejection: the call ends with this status, and the message reaches the client. */
export interface Refusal {
  readonly refused: StatusName;
  readonly message: string;
}

export function refuse(status: StatusName, message: string): Refusal {
  return { refused: status, message };
}

type Handler<M> =
  M extends DescMethodUnary<infer I, infer O>
    ? (request: MessageShape<I>, call: GrpcCall) => Promise<MessageInitShape<O> | Refusal>
    : never;

type Check<M> = M extends DescMethodUnary<infer I> ? (request: MessageShape<I>) => readonly Issue[] : never;

export type Handlers<S extends DescService> = { readonly [K in keyof S['method']]: Handler<S['method'][K]> };

export interface ImplementOptions<S extends DescService> {
  /** Who may call each method. There is no default: a method without an entry does not compile. */
  readonly access: { readonly [K in keyof S['method']]: 'public' | Policy };
  /** Checks a request before the handler sees it; any issue ends the call with INVALID_ARGUMENT. */
  readonly validate?: { readonly [K in keyof S['method']]?: Check<S['method'][K]> };
}

/** A method with its types erased, as the server runs it. */
export interface ServedMethod {
  readonly descriptor: DescMethodUnary;
  readonly access: Access;
  validate(request: MessageShape<DescMessage>): readonly Issue[];
  handle(
    request: MessageShape<DescMessage>,
    call: GrpcCall,
  ): Promise<MessageInitShape<DescMessage> | Refusal>;
}

/** A service with its handlers, for `createGrpcServer`. */
export interface ServedService {
  readonly descriptor: DescService;
  readonly methods: readonly ServedMethod[];
}

/** Binds handlers to a generated service. Unary methods only: others are a `RangeError`. Throws `AUTH_POLICY_MISSING`. */
export function implement<S extends DescService>(
  service: S,
  handlers: Handlers<S>,
  options: ImplementOptions<S>,
): ServedService {
  // The generated types tie each name to its message types; here that tie is dropped, and nowhere else.
  const erased = handlers as Readonly<Record<string, ServedMethod['handle']>>;
  const access = options.access as Readonly<Record<string, unknown>>;
  const checks = (options.validate ?? {}) as Readonly<Record<string, ServedMethod['validate'] | undefined>>;
  return {
    descriptor: service,
    methods: service.methods.map((method) => {
      const name = method.localName;
      const handle = erased[name];
      if (!isUnary(method) || handle === undefined)
        throw new RangeError(`${service.typeName}/${method.name}: must be unary, with a handler`);
      const allowed = requireAccess(access[name], `${service.typeName}/${method.name}`);
      return { descriptor: method, access: allowed, handle, validate: checks[name] ?? (() => []) };
    }),
  };
}

export function isUnary(method: DescMethod): method is DescMethodUnary {
  return method.methodKind === 'unary';
}

/** `inventory.InventoryService/ReserveStock` */
export function methodName(method: DescMethod): string {
  return `${method.parent.typeName}/${method.name}`;
}
