"""Image models behind one interface: OpenAI, Volcengine Ark (Seedream), Qwen-Image."""
