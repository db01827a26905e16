"""What Schemathesis must know about this API: how a piece of a resumable upload is sent."""

import schemathesis

schemathesis.serializer.alias("application/offset+octet-stream", "application/octet-stream")
