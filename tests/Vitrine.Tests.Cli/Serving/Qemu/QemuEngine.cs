namespace Vitrine.Tests.Cli.Serving.Qemu;

/// <summary>What executes a guest of QEMU's, and where the interrupt controllers are.</summary>
public enum QemuEngine
{
    /// <summary>Served KVM, with the interrupt controllers in it.</summary>
    Served,

    /// <summary>Served KVM, with the local APICs in it and the others in QEMU.</summary>
    ServedSplit,

    /// <summary>Served KVM, with all interrupt controllers in QEMU.</summary>
    ServedOff,

    /// <summary>QEMU's own translator.</summary>
    Translator,
}
