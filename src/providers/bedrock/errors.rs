//! The classes of errors, with the text that users read instead of the service's.

use crate::protocols::converse::ErrorClass;

/// In the order in which they are tried.
pub(super) const CLASSES: &[ErrorClass] = &[
    ErrorClass {
        is_throttling: false,
        signs: &["service quota exceeded", "service quota", "quota exceeded for model"],
        text: "\
Service quota exceeded. This error indicates you've reached AWS service limits.

Please try:
1. Contact AWS support to request a quota increase
2. Reduce request frequency temporarily
3. Check your Amazon Bedrock quotas in the AWS console
4. Consider using a different model or region with available capacity

",
    },
    ErrorClass {
        is_throttling: false,
        signs: &["model not ready", "model is not ready", "provisioned throughput not ready", "model loading"],
        text: "\
Model is not ready or still loading. This can happen with:
1. Provisioned throughput models that are still initializing
2. Custom models that are being loaded
3. Models that are temporarily unavailable

Please try:
1. Wait a few minutes and retry
2. Check the model status in Amazon Bedrock console
3. Verify the model is properly provisioned

",
    },
    ErrorClass {
        is_throttling: false,
        signs: &["too many tokens", "token limit exceeded", "context length", "maximum context length"],
        text: "\
\"Too many tokens\" error detected.
Possible Causes:
1. Input exceeds model's context window limit
2. Rate limiting (too many tokens per minute)
3. Quota exceeded for token usage
4. Other token-related service limitations

Suggestions:
1. Reduce the size of your input
2. Split your request into smaller chunks
3. Use a model with a larger context window
4. If rate limited, reduce request frequency
5. Check your Amazon Bedrock quotas and limits

",
    },
    ErrorClass {
        is_throttling: false,
        signs: &["internal server error", "internal error", "server error", "service error"],
        text: "\
Amazon Bedrock internal server error. This is a temporary service issue.

Please try:
1. Retry the request after a brief delay
2. If the error persists, check AWS service health
3. Contact AWS support if the issue continues

",
    },
    ErrorClass {
        is_throttling: false,
        signs: &["with on-demand throughput isn\u{2019}t supported."],
        text: "
1. Try enabling cross-region inference in settings.
2. Or, create an inference profile and then leverage the \"Use custom ARN...\" option of the model selector in settings.",
    },
    ErrorClass {
        is_throttling: false,
        signs: &["not found", "does not exist"],
        text: "\
The specified ARN does not exist or is invalid. Please check:

1. The ARN format is correct (arn:aws:bedrock:region:account-id:resource-type/resource-name)
2. The model exists in the specified region
3. The account ID in the ARN is correct",
    },
    ErrorClass {
        is_throttling: false,
        signs: &["access", "denied", "permission"],
        text: "\
You don't have access to the model specified.

Please verify:
1. Try cross-region inference if you're using a foundation model
2. If using an ARN, verify the ARN is correct and points to a valid model
3. Your AWS credentials have permission to access this model (check IAM policies)
4. The region in the ARN matches the region where the model is deployed
5. If using a provisioned model, ensure it's active and not in a failed state",
    },
    ErrorClass {
        is_throttling: true,
        signs: &[
            "throttl",
            "rate",
            "limit",
            "bedrock is unable to process your request",
            "please wait",
            "quota exceeded",
            "service unavailable",
            "busy",
            "overloaded",
            "too many requests",
            "request limit",
            "concurrent requests",
        ],
        text: "\
Request was throttled or rate limited. Please try:
1. Reducing the frequency of requests
2. If using a provisioned model, check its throughput settings
3. Contact AWS support to request a quota increase if needed

",
    },
];
