import type { ConfigObject, SectionShape } from '../grammar/shape.ts';
import type { OpenApiSource } from '../model.ts';

const SWAGGER_SERVICE = {
  Name: { type: 'string', required: true, own: true, doc: 'As `ServiceName`.' },
  Path: { type: 'string', default: '/openapi.json', own: true, doc: 'Of the document, at any instance.' },
} as const satisfies SectionShape;

const SWAGGER_VERSION = {
  Name: { type: 'string', own: true, doc: 'Title in the merged document.' },
  Version: { type: 'string', own: true, doc: 'Version of the API.' },
  Url: { type: 'string', own: true, doc: 'Where the document is; or else `Service`.' },
  Service: {
    type: 'object',
    shape: SWAGGER_SERVICE,
    own: true,
    doc: 'The service that has the document, found by discovery.',
  },
} as const satisfies SectionShape;

export const SWAGGER_ENDPOINT = {
  Key: { type: 'string', required: true, own: true, doc: 'What routes name as `SwaggerKey`.' },
  HostOverride: {
    type: 'string',
    own: true,
    doc: 'Server of the merged document: `https://api.example`; absent = where it is read.',
  },
  TakeServersFromDownstreamService: {
    type: 'boolean',
    default: false,
    own: true,
    doc: 'Its servers are those that the back end names; else the path of the first one stands before its paths.',
  },
  TransformByOcelotConfig: {
    type: 'boolean',
    default: true,
    own: true,
    doc: 'By the paths of clients, and what routes reach; false = as the back end has it, all of it.',
  },
  RemoveUnusedComponentsFromScheme: {
    type: 'boolean',
    default: true,
    own: true,
    doc: 'Always so: what nothing refers to stays unknown.',
  },
  VersionPlaceholder: {
    type: 'string',
    default: '{version}',
    own: true,
    doc: 'Needs no mention: any placeholder may stand for a version.',
  },
  Config: { type: 'objects', shape: SWAGGER_VERSION, own: true, doc: 'Documents of the back end.' },
} as const satisfies SectionShape;

export function readOpenApi(
  endpoints: readonly ConfigObject<typeof SWAGGER_ENDPOINT>[] | undefined,
): readonly OpenApiSource[] {
  return (endpoints ?? []).flatMap((endpoint) => {
    const key = endpoint.values.Key ?? '';
    if (key === '') endpoint.error('Key', 'must be given');
    if (endpoint.values.RemoveUnusedComponentsFromScheme === false)
      endpoint.warn('RemoveUnusedComponentsFromScheme', 'components that nothing refers to are never shown');
    const shown = {
      host: endpoint.values.HostOverride || undefined,
      keepsServers: endpoint.values.TakeServersFromDownstreamService ?? false,
      isShownAsItIs: endpoint.values.TransformByOcelotConfig === false,
    };
    return (endpoint.values.Config ?? []).map((version) => {
      const { Name: name = key, Version: label = 'v1' } = version.values;
      return { key, name, version: label, at: readLocation(version), ...shown };
    });
  });
}

function readLocation(version: ConfigObject<typeof SWAGGER_VERSION>): OpenApiSource['at'] {
  const { Url: url = '', Service: service } = version.values;
  if (service !== undefined)
    return { service: service.values.Name ?? '', path: service.values.Path ?? '/openapi.json' };
  if (!/^https?:$/.test(URL.parse(url)?.protocol ?? ''))
    version.error('Url', `must be an http or https URL, not ${JSON.stringify(url)}`);
  return { url };
}
