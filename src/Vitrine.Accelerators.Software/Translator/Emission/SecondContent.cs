namespace Vitrine.Accelerators.Software.Translator.Emission;

/// <summary>What <see cref="RegisterMap.Second"/> holds of a page.</summary>
internal enum SecondContent
{
    /// <summary>Nothing of it.</summary>
    Nothing,

    /// <summary>The slot's addend.</summary>
    Addend,

    /// <summary>A host address.</summary>
    Host,
}
