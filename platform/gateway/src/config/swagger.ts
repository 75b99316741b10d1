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
  Config: { type: 'objects', shape: SWAGGER_VERSION, own: true, doc: 'Documents of the back end.' },
} as const satisfies SectionShape;

export function readOpenApi(
  endpoints: readonly ConfigObject<typeof SWAGGER_ENDPOINT>[] | undefined,
): readonly OpenApiSource[] {
  return (endpoints ?? []).flatMap((endpoint) => {
    const key = endpoint.values.Key ?? '';
    if (key === '') endpoint.error('Key', 'must be given');
    return (endpoint.values.Config ?? []).map((version) => {
      const { Name: name = key, Version: label = 'v1' } = version.values;
      return { key, name, version: label, at: readLocation(version) };
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
