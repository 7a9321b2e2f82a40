namespace Vitrine.Explain.Model;

/// <summary>How an instruction is fetched.</summary>
/// <param name="Segment">From CS and RIP to the linear address.</param>
/// <param name="Translation">From there to memory; null when segmentation already stops it.</param>
/// <param name="Bytes">The bytes of the instruction in hexadecimal; empty when they can't be fetched.</param>
/// <param name="Instruction">It, decoded; "(no valid instruction)" where the bytes are none; empty where they can't be fetched.</param>
public sealed record FetchStory(SegmentFact Segment, TranslationStory? Translation, string Bytes, string Instruction)
{
    /// <summary>Where the instruction goes on in another page: the translation of its first byte there; else null.</summary>
    public TranslationStory? Rest { get; init; }

    /// <summary>What keeps the instruction's last bytes from being fetched: the limit of CS, the next page; else empty.</summary>
    public string Stop { get; init; } = "";

    /// <summary>What delivering the exception comes to, where the fetch ends in one; else empty. Derived.</summary>
    public IReadOnlyList<string> Delivery { get; init; } = [];

    /// <summary>Bytes are read from guest memory: observed.</summary>
    public Evidence Evidence => Evidence.Observed;
}
