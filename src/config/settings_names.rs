//! The names of the TypeScript's settings, to find slips in `driver_options`.

use super::mistake::nearest;

/// The setting that is probably meant, if the name is none that is known but nearly one.
pub(super) fn slip(setting: &str) -> Option<&'static str> {
    if KNOWN.contains(&setting) {
        return None;
    }
    nearest(setting, KNOWN.iter().copied()).first().copied()
}

/// Whether a setting may hold a secret: keys, tokens, credentials, headers, and URLs, which can carry them.
pub(super) fn is_secret(setting: &str) -> bool {
    crate::settings::is_secret(setting)
}

/// <https://github.com/RooCodeInc/Roo-Code/blob/v3.43.0/packages/types/src/provider-settings.ts>, and the
/// settings of our own that `ProviderSettings` and `Context::system_for` describe.
const KNOWN: &[&str] = &[
    "anthropicBaseUrl",
    "anthropicBeta1MContext",
    "anthropicUseAuthToken",
    "apiKey",
    "apiModelId",
    "awsAccessKey",
    "awsApiKey",
    "awsBedrock1MContext",
    "awsBedrockEndpoint",
    "awsBedrockEndpointEnabled",
    "awsBedrockServiceTier",
    "awsCustomArn",
    "awsInvokeModel",
    "awsModelContextWindow",
    "awsProfile",
    "awsRegion",
    "awsSecretKey",
    "awsSessionToken",
    "awsUseApiKey",
    "awsUseCrossRegionInference",
    "awsUseGlobalInference",
    "awsUseProfile",
    "awsUsePromptCache",
    "azureApiVersion",
    "azureDeployment",
    "azureResource",
    "basetenApiKey",
    "caCertificateFile",
    "cerebrasApiKey",
    "chutesApiKey",
    "connectTimeoutMs",
    "consecutiveMistakeLimit",
    "deepInfraApiKey",
    "deepInfraBaseUrl",
    "deepInfraModelId",
    "deepSeekApiKey",
    "deepSeekBaseUrl",
    "diffEnabled",
    "doubaoApiKey",
    "doubaoBaseUrl",
    "enableGrounding",
    "enableReasoningEffort",
    "enableUrlContext",
    "featherlessApiKey",
    "fireworksApiKey",
    "geminiApiKey",
    "geminiOAuthClientId",
    "geminiOAuthClientSecret",
    "geminiOAuthPath",
    "geminiUseOAuth",
    "googleGeminiBaseUrl",
    "groqApiKey",
    "headTimeoutMs",
    "httpNoProxy",
    "httpProxy",
    "huggingFaceApiKey",
    "huggingFaceInferenceProvider",
    "huggingFaceModelId",
    "id",
    "idleTimeoutMs",
    "includeMaxTokens",
    "ioIntelligenceApiKey",
    "ioIntelligenceModelId",
    "litellmApiKey",
    "litellmBaseUrl",
    "litellmModelId",
    "litellmUsePromptCache",
    "lmStudioBaseUrl",
    "lmStudioDraftModelId",
    "lmStudioModelId",
    "lmStudioSpeculativeDecodingEnabled",
    "minimaxApiKey",
    "minimaxBaseUrl",
    "mistralApiKey",
    "mistralCodestralUrl",
    "modelMaxThinkingTokens",
    "modelMaxTokens",
    "modelTemperature",
    "moonshotApiKey",
    "moonshotBaseUrl",
    "ollamaApiKey",
    "ollamaBaseUrl",
    "ollamaModelId",
    "ollamaNumCtx",
    "openAiApiKey",
    "openAiBaseUrl",
    "openAiCustomModelInfo",
    "openAiHeaders",
    "openAiHostHeader",
    "openAiLegacyFormat",
    "openAiModelId",
    "openAiNativeApiKey",
    "openAiNativeBaseUrl",
    "openAiNativeServiceTier",
    "openAiR1FormatEnabled",
    "openAiStreamingEnabled",
    "openAiUseAzure",
    "openRouterApiKey",
    "openRouterBaseUrl",
    "openRouterModelId",
    "openRouterSpecificProvider",
    "openRouterUseMiddleOutTransform",
    "qwenCodeOauthPath",
    "rateLimitSeconds",
    "reasoningEffort",
    "requestyApiKey",
    "requestyBaseUrl",
    "requestyModelId",
    "rooApiKey",
    "sambaNovaApiKey",
    "todoListEnabled",
    "toolProtocol",
    "totalTimeoutMs",
    "unboundApiKey",
    "unboundModelId",
    "vercelAiGatewayApiKey",
    "vercelAiGatewayModelId",
    "verbosity",
    "vertex1MContext",
    "vertexJsonCredentials",
    "vertexKeyFile",
    "vertexProjectId",
    "vertexRegion",
    "vsCodeLmModelSelector",
    "xaiApiKey",
    "zaiApiKey",
    "zaiApiLine",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_found_and_unknown_names_are_left_alone() {
        assert_eq!(slip("modelMaxTokens"), None);
        assert_eq!(slip("modelMaxTokns"), Some("modelMaxTokens"));
        assert_eq!(slip("searchDomainFilter"), None);
    }

    #[test]
    fn what_may_hold_a_secret_is_masked() {
        assert!(["awsSecretKey", "openAiHeaders", "vertexJsonCredentials"].into_iter().all(is_secret));
        assert!(!["modelMaxTokens", "awsRegion", "vertexKeyFile"].into_iter().any(is_secret));
    }
}
