namespace Vitrine.Accelerators.Software;

/// <summary>How the software CPU executes instructions. The guest can't tell the difference, but by what its CPU model may announce.</summary>
public enum SoftwareEngine
{
    /// <summary>Decoded operations, each executed by a handler. Runs on every host, and offers the models up to x86-64-v2.</summary>
    Interpreter,

    /// <summary>Guest code is translated to machine code of the host, which has to be Linux on x86-64. What isn't translated is interpreted.</summary>
    Translator,
}
