import { clearField, create, fromBinary } from '@bufbuild/protobuf';
import {
  type DescriptorProto,
  FieldDescriptorProtoSchema,
  type FileDescriptorProto,
  FileDescriptorSetSchema,
  type ServiceDescriptorProto,
  type SourceCodeInfo_Location,
  SourceCodeInfo_LocationSchema,
  SourceCodeInfoSchema,
} from '@bufbuild/protobuf/wkt';
import protobuf from 'protobufjs';
import descriptor from 'protobufjs/ext/descriptor/index.js';

/** Field numbers of descriptor.proto: a path names an element by them and by its index. */
const MESSAGE = 4;
const SERVICE = 6;
const CHILD = 2;

/** The descriptor of one self-contained .proto file (imports are not resolved), as protoc would give it. */
export function parseProto(name: string, source: string): FileDescriptorProto {
  const { root } = protobuf.parse(source, { keepCase: true, alternateCommentMode: true });
  root.resolveAll();
  // Added to Root by ext/descriptor, whose types do not say so.
  const { toDescriptor } = root as protobuf.Root & { toDescriptor(syntax: string): protobuf.Message };
  const set = fromBinary(
    FileDescriptorSetSchema,
    descriptor.FileDescriptorSet.encode(toDescriptor.call(root, 'proto3')).finish(),
  );
  const file = set.file[0];
  if (file === undefined || set.file.length !== 1)
    throw new Error(`${name} must declare exactly one package`);
  file.name = name;
  file.syntax = 'proto3';
  const scope = root.lookup(file.package);
  if (!(scope instanceof protobuf.Namespace)) throw new Error(`${name} has no package`);
  for (const message of file.messageType) completeFields(message, scope);
  for (const service of file.service) completeMethods(service, scope);
  file.sourceCodeInfo = create(SourceCodeInfoSchema, { location: comments(scope, file) });
  return file;
}

/** protobufjs leaves out JSON names and writes references as the source does, relative to their scope. */
function completeFields(message: DescriptorProto, scope: protobuf.Namespace): void {
  const type = scope.lookupType(message.name);
  for (const field of message.field) {
    if (field.extendee === '') clearField(field, FieldDescriptorProtoSchema.field.extendee);
    field.jsonName = protobuf.util.camelCase(field.name);
    field.typeName = type.fields[field.name]?.resolvedType?.fullName ?? field.typeName;
  }
  for (const nested of message.nestedType) completeFields(nested, type);
}

function completeMethods(declared: ServiceDescriptorProto, scope: protobuf.Namespace): void {
  const service = scope.lookupService(declared.name);
  for (const method of declared.method) {
    const source = service.methods[method.name];
    source?.resolve();
    method.inputType = source?.resolvedRequestType?.fullName ?? method.inputType;
    method.outputType = source?.resolvedResponseType?.fullName ?? method.outputType;
  }
}

/** protobufjs keeps comments on its own objects; in a descriptor they are listed by path. */
function comments(scope: protobuf.Namespace, file: FileDescriptorProto): SourceCodeInfo_Location[] {
  const at = (path: number[], comment: string | null | undefined) =>
    comment
      ? [create(SourceCodeInfo_LocationSchema, { path, span: [0, 0, 0], leadingComments: ` ${comment}` })]
      : [];
  const messages = file.messageType.flatMap((message, index) => {
    const type = scope.lookupType(message.name);
    return [
      ...at([MESSAGE, index], type.comment),
      ...message.field.flatMap((field, child) =>
        at([MESSAGE, index, CHILD, child], type.fields[field.name]?.comment),
      ),
    ];
  });
  const services = file.service.flatMap((declared, index) => {
    const service = scope.lookupService(declared.name);
    return [
      ...at([SERVICE, index], service.comment),
      ...declared.method.flatMap((method, child) =>
        at([SERVICE, index, CHILD, child], service.methods[method.name]?.comment),
      ),
    ];
  });
  return [...messages, ...services];
}
