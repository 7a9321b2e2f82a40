using Vitrine.Accelerators.Software.FloatingPoint;

namespace Vitrine.Accelerators.Software.Interpreter.X87;

/// <summary>destination = destination op source.</summary>
internal interface IX87Operation
{
    /// <summary>Computes the destination's new value.</summary>
    static abstract Float80 Apply(in Unpacked destination, in Unpacked source, ref FpEnvironment environment);
}
