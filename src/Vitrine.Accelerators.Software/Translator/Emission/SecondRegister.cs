namespace Vitrine.Accelerators.Software.Translator.Emission;

/// <summary>
/// What <see cref="RegisterMap.Second"/> holds of a page that a block knows, so that the next access need not load it again.
/// </summary>
internal sealed class SecondRegister
{
    /// <summary>What it holds.</summary>
    public SecondContent Content { get; private set; }

    /// <summary>The number of the fact that it is of; see <see cref="PageFacts"/>.</summary>
    public int Fact { get; private set; }

    /// <summary>The place whose host address it holds, where it holds one.</summary>
    public long Place { get; private set; }

    /// <summary>It is about to be used for something else, or a block begins.</summary>
    public void Forget() => Content = SecondContent.Nothing;

    /// <summary>It was loaded with the addend of a fact's slot.</summary>
    public void HoldAddend(int fact)
    {
        Content = SecondContent.Addend;
        Fact = fact;
    }

    /// <summary>It was loaded with the host address of a place in a fact's page.</summary>
    public void HoldHost(int fact, long place)
    {
        Content = SecondContent.Host;
        Fact = fact;
        Place = place;
    }

    /// <summary>An access to a fact's page can use what it holds.</summary>
    public bool Serves(int fact, in OperandAddress address) =>
        Content != SecondContent.Nothing && Fact == fact &&
        Content == (address.IsOneRegister ? SecondContent.Addend : SecondContent.Host);
}
