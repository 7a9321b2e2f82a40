namespace Vitrine.Accelerators.Software.Translator;

/// <summary>What code behind the block does for a branch out of it.</summary>
internal enum PendingKind
{
    /// <summary>Leaves because attention is wanted.</summary>
    Poll,

    /// <summary>Leaves for the interpreter.</summary>
    Interpret,

    /// <summary>Leaves to be linked with a target in the page.</summary>
    Link,

    /// <summary>Goes to a target outside the page.</summary>
    Far,

    /// <summary>Leaves to have the second page of an instruction looked up.</summary>
    SecondPage,

    /// <summary>Leaves because memory does not hold the block's code any more.</summary>
    Changed,

    /// <summary>Loads the guest's vector registers.</summary>
    Vectors,

    /// <summary>Leaves to have the guest's x87 registers loaded.</summary>
    X87,

    /// <summary>Leaves to fill the TLB for a read.</summary>
    Read,

    /// <summary>Leaves to fill the TLB for a write.</summary>
    Write,
}
