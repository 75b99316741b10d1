import { definePolicy } from '../../grammar/policy.ts';
import { backendProtocol } from '../backend-protocol/config.ts';

export const grpcWeb = definePolicy({
  keys: {
    ...backendProtocol.keys,
    GrpcWeb: {
      type: 'boolean',
      default: false,
      own: true,
      doc: 'Calls of browsers by gRPC-Web, binary and text, become calls of gRPC. Needs `DownstreamHttpVersion` 2.0; for pages of other origins `CorsOptions` too.',
    },
  },
  read: (input): { readonly grpcWeb: boolean } => {
    const { own, global } = input;
    const isWanted = own?.values.GrpcWeb ?? global?.values.GrpcWeb ?? false;
    if (own?.values.GrpcWeb === true && backendProtocol.read(input).downstreamProtocol === '1.1')
      own.error('GrpcWeb', 'needs a back end that is spoken to by HTTP/2');
    return { grpcWeb: isWanted };
  },
});
