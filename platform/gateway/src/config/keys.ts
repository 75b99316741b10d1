/** The keys of the file format, by object. `unsupported` are those of the format that are not acted on yet. */
export const ROOT_KEYS = {
  known: ['Routes', 'GlobalConfiguration'],
  unsupported: ['DynamicRoutes', 'Aggregates'],
};

export const ROUTE_KEYS = {
  known: [
    'UpstreamPathTemplate',
    'UpstreamHttpMethod',
    'UpstreamHost',
    'RouteIsCaseSensitive',
    'Priority',
    'DownstreamPathTemplate',
    'DownstreamScheme',
    'DownstreamHostAndPorts',
    'ServiceName',
    'AuthenticationOptions',
    'RateLimitOptions',
    'CacheOptions',
    'FileCacheOptions',
    'LoadBalancerOptions',
    'RequestIdKey',
    'Timeout',
    'MaxRequestBodySize',
    'Key',
    'Metadata',
  ],
  unsupported: [
    'UpstreamHeaderTemplates',
    'DownstreamHttpMethod',
    'DownstreamHttpVersion',
    'DownstreamHttpVersionPolicy',
    'RouteClaimsRequirement',
    'AddClaimsToRequest',
    'AddHeadersToRequest',
    'AddQueriesToRequest',
    'ChangeDownstreamPathTemplate',
    'UpstreamHeaderTransform',
    'DownstreamHeaderTransform',
    'QoSOptions',
    'HttpHandlerOptions',
    'SecurityOptions',
    'DangerousAcceptAnyServerCertificateValidator',
    'DelegatingHandlers',
    'ServiceNamespace',
  ],
};

export const GLOBAL_KEYS = {
  known: [
    'BaseUrl',
    'RequestIdKey',
    'Timeout',
    'MaxRequestBodySize',
    'AuthenticationOptions',
    'CacheOptions',
    'LoadBalancerOptions',
    'RateLimitOptions',
    'Metadata',
  ],
  unsupported: [
    'UpstreamHeaderTransform',
    'DownstreamHeaderTransform',
    'SecurityOptions',
    'MetadataOptions',
    'ServiceDiscoveryProvider',
    'DownstreamScheme',
    'DownstreamHttpVersion',
    'DownstreamHttpVersionPolicy',
    'ReloadOnChange',
    'AuthenticationProviders',
    'HttpHandlerOptions',
    'QoSOptions',
  ],
};

export const HOST_KEYS = { known: ['Host', 'Port'] };

export const AUTHENTICATION_KEYS = {
  known: [
    'AuthenticationProviderKey',
    'AuthenticationProviderKeys',
    'AllowedScopes',
    'AllowAnonymous',
    'RouteKeys',
  ],
};

export const RATE_LIMIT_KEYS = {
  known: [
    'EnableRateLimiting',
    'ClientIdHeader',
    'ClientIdClaim',
    'ClientWhitelist',
    'Period',
    'Limit',
    'Wait',
    'PeriodTimespan',
    'StatusCode',
    'HttpStatusCode',
    'QuotaMessage',
    'QuotaExceededMessage',
    'QuotaFormat',
    'KeyPrefix',
    'RateLimitCounterPrefix',
    'EnableHeaders',
    'DisableRateLimitHeaders',
    'RouteKeys',
  ],
};

export const CACHE_KEYS = {
  known: ['TtlSeconds', 'Region', 'Header', 'RouteKeys'],
  unsupported: ['EnableContentHashing'],
};

export const BALANCER_KEYS = { known: ['Type', 'Key', 'Expiry', 'RouteKeys'] };
