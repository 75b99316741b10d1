import {
  create,
  type DescFile,
  type DescService,
  fromBinary,
  type MessageInitShape,
  toBinary,
} from '@bufbuild/protobuf';
import { nestedTypes } from '@bufbuild/protobuf/reflect';
import { FileDescriptorProtoSchema } from '@bufbuild/protobuf/wkt';
import type { handleBidiStreamingCall, Server } from '@grpc/grpc-js';
import { Health } from '../gen/grpc/health/v1/health_pb.ts';
import {
  ServerReflection,
  type ServerReflectionRequest,
  ServerReflectionRequestSchema,
  type ServerReflectionResponse,
  ServerReflectionResponseSchema,
} from '../gen/grpc/reflection/v1/reflection_pb.ts';
import { encode } from './codec.ts';
import { statusCode } from './status.ts';

type Answer = NonNullable<MessageInitShape<typeof ServerReflectionResponseSchema>['messageResponse']>;

/** Older clients ask by this name; the messages are the same on the wire. */
const NAMES = ['grpc.reflection.v1.ServerReflection', 'grpc.reflection.v1alpha.ServerReflection'];

/** Lets tools such as grpcurl see what the server offers: its services, and the files that declare them. */
export function addReflection(server: Server, services: readonly DescService[]): void {
  const offered = [...services, Health, ServerReflection];
  const answer = createAnswers(offered);
  const serve: handleBidiStreamingCall<ServerReflectionRequest, ServerReflectionResponse> = (call) => {
    call.on('data', (request: ServerReflectionRequest) => {
      call.write(
        create(ServerReflectionResponseSchema, {
          validHost: request.host,
          originalRequest: request,
          messageResponse: answer(request),
        }),
      );
    });
    call.on('end', () => call.end());
    // That a client has left is not worth reporting.
    call.on('error', () => undefined);
  };
  const serialize = (message: ServerReflectionResponse) => encode(ServerReflectionResponseSchema, message);
  const deserialize = (bytes: Buffer) => fromBinary(ServerReflectionRequestSchema, bytes);
  for (const name of NAMES)
    server.register(`/${name}/ServerReflectionInfo`, serve, serialize, deserialize, 'bidi');
}

function createAnswers(services: readonly DescService[]): (request: ServerReflectionRequest) => Answer {
  const files = new Map<string, DescFile>();
  for (const { file } of services) addFile(files, file);
  const bySymbol = new Map(
    [...files.values()].flatMap((file) => symbolsOf(file).map((name) => [name, file])),
  );
  const names = [...new Set(services.map(({ typeName }) => typeName))].sort();

  return ({ messageRequest: { case: kind, value } }) => {
    switch (kind) {
      case 'listServices':
        return {
          case: 'listServicesResponse',
          value: { service: names.map((name) => ({ name })) },
        };
      case 'fileByFilename':
        return filesFrom(files.get(value), `no file ${value}`);
      case 'fileContainingSymbol':
        return filesFrom(bySymbol.get(value), `no symbol ${value}`);
      case 'allExtensionNumbersOfType':
        return bySymbol.has(value)
          ? { case: 'allExtensionNumbersResponse', value: { baseTypeName: value } }
          : failure('NOT_FOUND', `no type ${value}`);
      case 'fileContainingExtension':
        return failure('NOT_FOUND', 'there are no extensions');
      default:
        return failure('INVALID_ARGUMENT', 'nothing was asked');
    }
  };
}

function addFile(files: Map<string, DescFile>, file: DescFile): void {
  if (files.has(file.proto.name)) return;
  files.set(file.proto.name, file);
  for (const needed of file.dependencies) addFile(files, needed);
}

function symbolsOf(file: DescFile): readonly string[] {
  return [...nestedTypes(file)].flatMap((type) =>
    type.kind === 'service'
      ? [type.typeName, ...type.methods.map(({ name }) => `${type.typeName}.${name}`)]
      : [type.typeName],
  );
}

/** The file and everything it imports: clients would ask for those next. */
function filesFrom(file: DescFile | undefined, otherwise: string): Answer {
  if (file === undefined) return failure('NOT_FOUND', otherwise);
  const needed = new Map<string, DescFile>();
  addFile(needed, file);
  const fileDescriptorProto = [...needed.values()].map(({ proto }) =>
    toBinary(FileDescriptorProtoSchema, proto),
  );
  return { case: 'fileDescriptorResponse', value: { fileDescriptorProto } };
}

function failure(status: 'NOT_FOUND' | 'INVALID_ARGUMENT', errorMessage: string): Answer {
  return { case: 'errorResponse', value: { errorCode: statusCode(status), errorMessage } };
}
