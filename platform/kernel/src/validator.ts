import { createRequire } from 'node:module';
import type { Ajv as AjvInstance, ErrorObject, Options, ValidateFunction } from 'ajv';
import { accept, type Result, reject } from './result.ts';
import type { Schema } from './schema.ts';
import { readTexts } from './texts.ts';

// ajv is CommonJS whose types do not describe its ES default export; requiring it gives both right.
const require = createRequire(import.meta.url);
const { Ajv } = require('ajv') as { Ajv: new (options: Options) => AjvInstance };
const addFormats = require('ajv-formats') as (ajv: AjvInstance, formats: readonly string[]) => void;

/** One thing that is wrong with an input; `path` is a JSON pointer into it, `''` for the whole. */
export interface Issue {
  readonly path: string;
  readonly message: string;
}

export type Validate<T> = (input: unknown) => Result<T, readonly Issue[]>;

export interface ValidatorOptions {
  /** Turn strings into numbers and booleans first: for query, path and header values only. Default false. */
  readonly coerce?: boolean;
}

const FORMATS = ['uuid', 'email', 'date-time', 'uri', 'uri-reference', 'int64'] as const;

/**
 * Makes a validator that reports every issue at once, capped at 20, without repeating the input's values.
 * The schema is compiled at the first input, because compiling costs milliseconds and a process that starts
 * has better things to do.
 */
export function createValidator<T>(schema: Schema<T>, { coerce }: ValidatorOptions = {}): Validate<T> {
  let check: ValidateFunction<T> | undefined;
  return (input) => {
    check ??= compiler().compile<T>(schema);
    const value = coerce ? readTexts(schema, input) : input;
    return check(value) ? accept(value) : reject((check.errors ?? []).slice(0, 20).map(toIssue));
  };
}

// One compiler for all schemas: making one costs more than compiling with it.
let sharedCompiler: AjvInstance | undefined;

function compiler(): AjvInstance {
  if (sharedCompiler) return sharedCompiler;
  sharedCompiler = new Ajv({
    allErrors: true,
    strict: false,
    strictNumbers: true, // JSON.parse reads 1e999 as Infinity, which is no integer
    useDefaults: true,
  });
  addFormats(sharedCompiler, FORMATS);
  return sharedCompiler;
}

function toIssue(error: ErrorObject): Issue {
  const params = error.params as Record<string, unknown>;
  if (error.keyword === 'required') {
    return { path: `${error.instancePath}/${String(params['missingProperty'])}`, message: 'is required' };
  }
  if (error.keyword === 'additionalProperties') {
    return {
      path: `${error.instancePath}/${String(params['additionalProperty'])}`,
      message: 'is not allowed',
    };
  }
  if (error.keyword === 'enum') {
    return {
      path: error.instancePath,
      message: `must be one of ${(params['allowedValues'] as string[]).join(', ')}`,
    };
  }
  return { path: error.instancePath, message: error.message ?? 'is not valid' };
}
